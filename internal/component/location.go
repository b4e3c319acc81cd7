package component

import "strings"

// WithoutHost splits the URI of a Locator into what it names and the host that has it.
func WithoutHost(uri string) (name, host string) {
	scheme, rest, _ := strings.Cut(uri, "://")
	host, path, _ := strings.Cut(rest, "/")
	return scheme + ":" + path, host
}
