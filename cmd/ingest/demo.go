package main

import (
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/internal/demo"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "Move objects between two throw-away S3 servers, and verify every copy",
		Description: `
Starts two S3 servers in memory, stores sample objects of 1 byte to 64 MiB in one
of them, and moves them to the other through an embedded queue. One of the
objects fails twice on purpose. In the end every copy is compared by its SHA-256,
and everything is gone again. Nothing outside of this process is needed.

  ingest demo
  ingest demo --keep   # leaves the servers up, and prints how to reach them

The exit code is 0 only if every copy is there and equal.`[1:],
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "keep", Usage: "leave the servers up until Ctrl-C, and print their endpoints"},
		},
		Action: func(c *cli.Context) error {
			executable, err := os.Executable()
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
			defer stop()
			return demo.Run(ctx, demo.Options{Executable: executable, Command: calledAs(executable), Out: c.App.Writer, Keep: c.Bool("keep")})
		},
	}
}

// calledAs is how the user can call the binary again.
func calledAs(executable string) string {
	if strings.Contains(executable, "go-build") {
		return "go run ./cmd/ingest"
	}
	return os.Args[0]
}
