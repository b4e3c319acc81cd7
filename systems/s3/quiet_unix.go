//go:build unix

package s3

import (
	"errors"
	"net"
	"syscall"
)

const connectionsCanBeChecked = true

// isQuiet reports whether a connection that is not in use is still open, and nothing
// has come on it.
func isQuiet(conn net.Conn) bool {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:])
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return quiet && err == nil
}
