package host

import (
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// newLogger returns a logger for go-plugin that writes to log.
func newLogger(log *service.Logger) hclog.Logger {
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Trace})
	logger.RegisterSink(&sink{log: log})
	return logger
}

// sink writes what a plugin logs, and what go-plugin says of it.
type sink struct{ log *service.Logger }

// Accept implements hclog.SinkAdapter.
func (s *sink) Accept(name string, level hclog.Level, msg string, args ...any) {
	var pairs []any
	for i := 0; i+1 < len(args); i += 2 {
		// Lines have a time of their own.
		if key := fmt.Sprint(args[i]); key != "timestamp" {
			pairs = append(pairs, key, args[i+1])
		}
	}
	log := s.log.With(pairs...)
	// What has no name is go-plugin's: the ends of processes are told of
	// elsewhere, in other words.
	if name == "" && level > hclog.Debug {
		level = hclog.Debug
	}
	msg = strings.TrimRight(msg, "\n")
	switch level {
	case hclog.Error:
		log.Error(msg)
	case hclog.Warn:
		log.Warn(msg)
	case hclog.Info:
		log.Info(msg)
	case hclog.Trace:
		log.Trace(msg)
	default:
		log.Debug(msg)
	}
}

// lines returns a writer for what a plugin prints.
func lines(logger hclog.Logger) io.Writer {
	return logger.Named("printed").StandardWriter(&hclog.StandardLoggerOptions{InferLevels: true})
}
