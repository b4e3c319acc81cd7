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
type hints struct{ out io.Writer }

func (hints) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

// Handle knows one such error: the pipelines run on without the HTTP service.
func (h hints) Handle(_ context.Context, r slog.Record) error {
	if !strings.HasPrefix(r.Message, "HTTP Server error") {
		return nil
	}
	_, err := fmt.Fprintln(h.out, `ingest: the pipelines run on without metrics and health checks, since the address in field http.address cannot be used.
If another process has it, choose another one: --set http.address=127.0.0.1:4196, or do without: --set http.enabled=false`)
	return err
}

func (h hints) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h hints) WithGroup(string) slog.Handler      { return h }
