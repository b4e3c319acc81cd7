package main

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// guardService looks at where the HTTP service is to listen, before it does. Beyond
// this machine, and without a password, it may tell what metrics tell, which a warning
// says; what shows configurations or changes streams is refused.
func guardService(withAPI bool, warnings io.Writer) func(*service.ParsedConfig) error {
	return func(conf *service.ParsedConfig) error {
		address, addressErr := conf.FieldString("http", "address")
		enabled, enabledErr := conf.FieldBool("http", "enabled")
		protected, authErr := conf.FieldBool("http", "basic_auth", "enabled")
		debug, debugErr := conf.FieldBool("http", "debug_endpoints")
		if err := errors.Join(addressErr, enabledErr, authErr, debugErr); err != nil {
			return err
		}
		const outside = "field http.address: %s can be reached from other machines, and http.basic_auth is not enabled"
		switch {
		case !enabled || protected || isLoopback(address):
			return nil
		case withAPI:
			return fmt.Errorf(outside+": anybody could read configurations, and change what runs. Enable it, or run with --no-api", address)
		case debug:
			return fmt.Errorf(outside+": anybody could read the configuration. Enable it, or set http.debug_endpoints to false", address)
		}
		fmt.Fprintf(warnings, "warning: "+outside+": anybody who gets there can read metrics\n", address) //nolint:errcheck // a closed terminal is no failure
		return nil
	}
}

// isLoopback reports whether an address to listen at is that of this machine only.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
