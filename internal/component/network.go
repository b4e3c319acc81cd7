package component

import (
	"errors"
	"net"
)

// CannotConnect reports whether err says that a server was not even reached.
func CannotConnect(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || (errors.As(err, &op) && op.Op == "dial")
}
