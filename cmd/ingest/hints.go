package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// hints hears what the engine logs, and says what to do about errors that do not say
// it themselves.
type hints struct {
	out io.Writer
	// lint is what the record says of a configuration.
	lint string
}

func (hints) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

// Handle knows two such errors.
func (h hints) Handle(_ context.Context, r slog.Record) (err error) {
	path, workflows := strings.CutSuffix(h.lint, " field workflows not recognised")
	switch {
	case strings.HasPrefix(r.Message, "HTTP Server error"):
		_, err = fmt.Fprintln(h.out, `ingest: the pipelines run on without metrics and health checks, since the address in field http.address cannot be used.
If another process has it, choose another one: --set http.address=127.0.0.1:4196, or do without: --set http.enabled=false`)
	case workflows:
		path, _, _ = strings.Cut(path, "(")
		_, err = fmt.Fprintf(h.out, "ingest: a file of workflows is run with a mode: ingest --mode=all --config %s (or enqueue, or dequeue)\n", path)
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h hints) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == "lint" {
			h.lint = a.Value.String()
		}
	}
	return h
}

func (h hints) WithGroup(string) slog.Handler { return h }
