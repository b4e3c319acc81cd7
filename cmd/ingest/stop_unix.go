//go:build !windows

package main

import (
	"context"
	"os"
	"syscall"
)

// stopProcess begins the shutdown as an operator would: the engine finishes in
// good order on a signal only.
func stopProcess(context.CancelFunc) { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) }
