package finding

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"syscall"
)

// Network says what to do about an error of the network, by the name of the field
// that has the address. It returns nil if err is no such error.
func Network(err error, field string) error {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return Mend(err, "nothing listens there: start the server, or fix field %s", field)
	case errors.As(err, &dns):
		return Mend(err, "the name is not known: fix field %s, or the DNS", field)
	case errors.As(err, &certificate):
		return Mend(err, "the server's certificate is not trusted: set tls.root_cas_file to the authority's certificate, or use the name that the certificate is for in field %s", field)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return Mend(err, "the server speaks no TLS: use plain HTTP (insecure: true), or fix field %s", field)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Mend(err, "there is no answer: see whether a firewall or a proxy is in between, fix field %s, or give it longer (--timeout)", field)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Mend(err, "there is no way to that host: fix field %s, or the network", field)
	}
	return nil
}
