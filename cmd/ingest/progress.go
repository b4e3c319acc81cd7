package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/ingest-bundle/ingest/internal/progress"
)

const (
	flagProgress  = "progress"
	flagUntilDone = "until-done"

	// idlePoll is how often a run asks whether everything is done.
	idlePoll = 50 * time.Millisecond
	// idleTimeout bounds one answer.
	idleTimeout = 3 * time.Second
)

// progressFlag is a flag that can be given with and without a value.
type progressFlag struct{ mode progress.Mode }

func (p *progressFlag) String() string { return string(p.mode) }

func (p *progressFlag) IsBoolFlag() bool { return true }

// Takes says which words may stand behind the flag.
func (p *progressFlag) Takes(word string) bool {
	return slices.Contains([]progress.Mode{progress.Auto, progress.Bar, progress.Plain, progress.JSON}, progress.Mode(word))
}

func (p *progressFlag) Set(value string) error {
	switch {
	case value == "true":
		p.mode = progress.Auto
	case value == "false":
		p.mode = ""
	case p.Takes(value):
		p.mode = progress.Mode(value)
	default:
		return fmt.Errorf("%q is no way to show progress: auto, bar, plain or json was expected", value)
	}
	return nil
}

// runProgress shows the progress of a run, and ends it when all is done.
type runProgress struct {
	flag     progressFlag
	screen   *progress.Screen
	reporter *progress.Reporter
	// untilDone is what the flag says.
	untilDone bool
	// stop cancels what the engine runs with.
	stop context.CancelFunc
	// started says that there is a run, and done that it was stopped because
	// all was done.
	started, done atomic.Bool
}

// newRunProgress takes over the terminal where the arguments ask for a bar. The
// engine takes hold of the standard streams before it parses the flags.
func newRunProgress(args []string, stop context.CancelFunc) (*runProgress, error) {
	p := &runProgress{stop: stop}
	i := slices.IndexFunc(args, func(a string) bool {
		return strings.HasPrefix(strings.TrimLeft(a, "-"), flagProgress) && strings.HasPrefix(a, "-")
	})
	if i < 0 {
		return p, nil
	}
	_, value, given := strings.Cut(args[i], "=")
	if !given {
		value = string(progress.Auto)
	}
	var asked progressFlag
	if asked.Set(value) != nil || asked.mode.Resolve(os.Stderr) != progress.Bar {
		return p, nil
	}
	files := []**os.File{&os.Stderr}
	if term.IsTerminal(int(os.Stdout.Fd())) {
		files = append(files, &os.Stdout)
	}
	var err error
	p.screen, err = progress.NewScreen(os.Stderr, files...)
	return p, err
}

func (p *runProgress) options() []service.CLIOptFunc {
	return []service.CLIOptFunc{
		service.CLIOptCustomRunFlags([]cli.Flag{
			&cli.GenericFlag{
				Name:  flagProgress,
				Value: &p.flag,
				Usage: "show objects, bytes, rates, what is pending and failures on stderr, and a summary at the end; =`MODE` is auto (a bar on a terminal, else plain), bar, plain (a line every 10s) or json (a line a second)",
			},
			&cli.BoolFlag{
				Name:        flagUntilDone,
				Destination: &p.untilDone,
				Usage:       "end once every source was scanned and the queues are empty; the exit code is not 0 if something failed for good",
			},
		}, p.begin),
		service.CLIOptOnStreamStart(func(*service.RunningStreamSummary) error {
			p.started.Store(true)
			if p.untilDone {
				go p.stopWhenDone(progress.Process)
			}
			return nil
		}),
	}
}

// begin is called with the parsed flags of run and streams, and of commands that
// run nothing.
func (p *runProgress) begin(*cli.Context) error {
	switch {
	case p.screen != nil:
		p.reporter = progress.Report(progress.Process, progress.Bar, os.Stderr, p.screen)
	case p.flag.mode != "":
		p.reporter = progress.Report(progress.Process, p.flag.mode.Resolve(os.Stderr), os.Stderr, nil)
	}
	return nil
}

// end shows the summary, and gives the terminal back.
func (p *runProgress) end() {
	switch {
	case p.reporter == nil:
	case p.started.Load():
		p.reporter.Stop()
	default:
		p.reporter.Abandon()
	}
	if p.screen != nil {
		p.screen.Close()
	}
}

// interrupted reports whether a run that was to go on until all is done did not.
func (p *runProgress) interrupted() bool {
	if !p.untilDone || !p.started.Load() || p.done.Load() {
		return false
	}
	// Without a queue to work off, the scans end the run by themselves.
	return progress.Process.Consumes() || !progress.Process.Snapshot(context.Background()).Idle()
}

// tellUnread says what was queued that nothing in this process takes, and reports
// whether that is a mistake: where there are both halves, they are to fit together.
func (p *runProgress) tellUnread(t *progress.Tracker) (mistake bool) {
	mistake = t.Consumes()
	// Whoever is stopped before may not have come to take.
	if !p.untilDone || mistake && !p.done.Load() {
		return false
	}
	for _, u := range t.Unread() {
		if mistake {
			fmt.Fprintf(os.Stderr, "ingest: %d messages are in %s, which nothing here takes: input and output of a queue need the same subject, stream and server or store_dir\n", u.Queued+u.Before, u.Where)
			continue
		}
		fmt.Fprintf(os.Stderr, "ingest: %d messages queued in %s, %d were there before\n", u.Queued, u.Where, u.Before)
	}
	return mistake && len(t.Unread()) > 0
}

// stopWhenDone asks the process to shut down in good order once all is done. A process
// that is told to stop before closes its queues, which says nothing of what they hold.
func (p *runProgress) stopWhenDone(t *progress.Tracker) {
	told, forget := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer forget()
	for idle := false; !idle; {
		time.Sleep(idlePoll)
		ctx, cancel := context.WithTimeout(context.Background(), idleTimeout)
		idle = t.Snapshot(ctx).Idle()
		cancel()
		if told.Err() != nil {
			return
		}
	}
	p.done.Store(true)
	if t.Consumes() && len(t.Unread()) == 0 {
		fmt.Fprintln(os.Stderr, "ingest: every source is scanned and the queues are empty, stopping")
	} else {
		fmt.Fprintln(os.Stderr, "ingest: every source is scanned, stopping")
	}
	stopProcess(p.stop)
}
