package main

import "context"

// stopProcess ends the engine at once, since a process cannot send itself a
// signal here. It is called when there is nothing left to be finished.
func stopProcess(cancel context.CancelFunc) { cancel() }
