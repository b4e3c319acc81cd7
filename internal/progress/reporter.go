package progress

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Mode is how progress is shown.
type Mode string

// The modes. Auto is Bar on a terminal, and Plain elsewhere.
const (
	Auto  Mode = "auto"
	Bar   Mode = "bar"
	Plain Mode = "plain"
	JSON  Mode = "json"
)

// Resolve returns what Auto stands for where progress goes to the file.
func (m Mode) Resolve(f *os.File) Mode {
	switch {
	case m != Auto:
		return m
	case term.IsTerminal(int(f.Fd())):
		return Bar
	default:
		return Plain
	}
}

// every is how often each mode shows something.
var every = map[Mode]time.Duration{
	Bar:   250 * time.Millisecond,
	Plain: 10 * time.Second,
	JSON:  time.Second,
}

// firstAfter is when the first line is shown, so that a short run shows one too.
const firstAfter = time.Second

// askTimeout bounds one question to the queues.
const askTimeout = 2 * time.Second

// view shows snapshots.
type view interface {
	update(*Snapshot, rates)
	// end shows the last snapshot.
	end(*Snapshot)
}

type lineView struct{ out io.Writer }

func (v lineView) update(s *Snapshot, r rates) { fmt.Fprintln(v.out, "progress:", status(s, r)) } //nolint:errcheck // a closed terminal stops nothing
func (v lineView) end(s *Snapshot)             { fmt.Fprintln(v.out, "summary:", summary(s)) }    //nolint:errcheck // as above

type jsonView struct{ out io.Writer }

func (v jsonView) update(s *Snapshot, r rates) { fmt.Fprintln(v.out, marshal(s, r, false)) } //nolint:errcheck // as above
func (v jsonView) end(s *Snapshot) {
	fmt.Fprintln(v.out, marshal(s, ratesBetween(&Snapshot{}, s), true)) //nolint:errcheck // as above
}

// Reporter shows the progress of a Tracker until it is stopped.
type Reporter struct {
	t    *Tracker
	view view
	stop context.CancelFunc
	done sync.WaitGroup
}

// Report shows the progress on out, as lines, or with a bar on the screen. The
// screen is needed for a Bar only.
func Report(t *Tracker, mode Mode, out io.Writer, screen *Screen) *Reporter {
	r := &Reporter{t: t}
	switch mode {
	case JSON:
		r.view = jsonView{out}
	case Bar:
		r.view = newBarView(screen)
	default:
		r.view = lineView{out}
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.done.Go(func() { r.loop(ctx, every[mode]) })
	return r
}

func (r *Reporter) loop(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(min(every, firstAfter))
	defer ticker.Stop()
	w := window{[]*Snapshot{{}}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			ticker.Reset(every)
			ask, cancel := context.WithTimeout(ctx, askTimeout)
			s := r.t.Snapshot(ask)
			cancel()
			r.view.update(s, w.add(s))
		}
	}
}

// Stop shows the summary.
func (r *Reporter) Stop() {
	r.stop()
	r.done.Wait()
	r.view.end(r.t.Final())
}

// Abandon shows no summary: there was no run.
func (r *Reporter) Abandon() {
	r.stop()
	r.done.Wait()
}
