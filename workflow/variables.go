package workflow

import (
	"fmt"
	"regexp"
	"strings"
)

// While a file is parsed its variables are held in marks, which YAML takes for
// letters wherever they stand; ${NAME} would be a mapping in a list such as [ ${NAME} ].
const (
	markBegin  = "\uE000"
	markEnd    = "\uE001" // of ${NAME}
	markEndOfS = "\uE002" // of $NAME
)

var (
	variable = regexp.MustCompile(`\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][0-9A-Za-z_.]*(?::[^}\n]*)?)\})`)
	marked   = regexp.MustCompile(markBegin + "([^" + markEnd + markEndOfS + "]*)([" + markEnd + markEndOfS + "])")
)

func mark(text []byte) []byte {
	return variable.ReplaceAllFunc(text, func(m []byte) []byte {
		parts := variable.FindSubmatch(m)
		if len(parts[1]) > 0 {
			return fmt.Appendf(nil, "%s%s%s", markBegin, parts[1], markEndOfS)
		}
		return fmt.Appendf(nil, "%s%s%s", markBegin, parts[2], markEnd)
	})
}

func hasVariables(text string) bool { return strings.Contains(text, markBegin) }

// unmark gives the variables back as Benthos knows them, ${NAME}.
func unmark(text string) string { return marked.ReplaceAllString(text, "$${$1}") }

// restore gives back what stood in the file.
func restore(text string) string {
	return marked.ReplaceAllStringFunc(text, func(m string) string {
		parts := marked.FindStringSubmatch(m)
		if parts[2] == markEndOfS {
			return "$" + parts[1]
		}
		return "${" + parts[1] + "}"
	})
}

// expand replaces the variables by their values, and returns the names of those
// that are not set and have no default.
func expand(text string, lookup func(string) (string, bool)) (value string, missing []string) {
	value = marked.ReplaceAllStringFunc(text, func(m string) string {
		name, standIn, hasDefault := strings.Cut(marked.FindStringSubmatch(m)[1], ":")
		v, ok := lookup(name)
		if hasDefault && v == "" {
			return standIn
		}
		if !ok {
			missing = append(missing, name)
		}
		return v
	})
	return value, missing
}
