//go:build !unix

package s3

import "net"

const connectionsCanBeChecked = false

func isQuiet(net.Conn) bool { return false }
