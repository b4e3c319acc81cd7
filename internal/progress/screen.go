package progress

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Screen is a terminal with a progress bar in its last line. What the process
// prints meanwhile, logs for example, goes above the bar.
type Screen struct {
	bars    *mpb.Progress
	restore func()
	copies  sync.WaitGroup
	pipes   []*os.File
}

// NewScreen takes the files that are passed by reference, such as os.Stdout and
// os.Stderr, in place of the terminal out, until it is closed.
func NewScreen(out io.Writer, files ...**os.File) (*Screen, error) {
	s := &Screen{bars: mpb.New(mpb.WithOutput(sized(out)), mpb.WithAutoRefresh(), mpb.WithRefreshRate(every[Bar]/2))}
	originals := make([]*os.File, len(files))
	for i, f := range files {
		originals[i] = *f
	}
	s.restore = func() {
		for i, f := range files {
			*f = originals[i]
		}
	}
	for _, f := range files {
		r, w, err := os.Pipe()
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("making a pipe for the terminal: %w", err)
		}
		*f = w
		s.pipes = append(s.pipes, w)
		s.copies.Go(func() { s.copyLines(r, out) })
	}
	return s, nil
}

// sized hides that out is a terminal if that reports no size, as those of some
// containers do: 80 columns are assumed then.
func sized(out io.Writer) io.Writer {
	f, ok := out.(*os.File)
	if !ok {
		return out
	}
	if width, height, err := term.GetSize(int(f.Fd())); err == nil && width*height == 0 {
		return struct{ io.Writer }{out}
	}
	return out
}

// copyLines prints whole lines, so that two writers do not mix theirs.
func (s *Screen) copyLines(from *os.File, out io.Writer) {
	defer from.Close() //nolint:errcheck // nothing is written
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if _, err := s.bars.Write(line); err != nil {
				_, _ = out.Write(line)
			}
		}
		if err != nil {
			return
		}
	}
}

// Close prints what is left, and gives the files back. The bar is gone.
func (s *Screen) Close() {
	s.restore()
	for _, p := range s.pipes {
		_ = p.Close()
	}
	s.copies.Wait()
	s.bars.Shutdown()
}

// barView shows snapshots as a bar.
type barView struct {
	screen *Screen
	bar    *mpb.Bar
	text   atomic.Pointer[string]
}

func newBarView(s *Screen) *barView {
	v := &barView{screen: s}
	v.text.Store(new(string))
	v.bar = s.bars.New(0, mpb.BarStyle().Lbound("").Filler("━").Tip("━").Padding("─").Rbound(""),
		mpb.BarWidth(24), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Spinner(nil), decor.Name(" ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + *v.text.Load() })))
	return v
}

func (v *barView) update(s *Snapshot, r rates) {
	text := status(s, r)
	v.text.Store(&text)
	total := s.Done() + s.Failures
	if s.Backlog != nil {
		total += s.Backlog.Pending + s.Backlog.InFlight
	}
	v.bar.SetTotal(total, false)
	v.bar.SetCurrent(s.Done() + s.Failures)
}

func (v *barView) end(s *Snapshot) {
	v.bar.Abort(true)
	v.bar.Wait()
	_, _ = v.screen.bars.Write([]byte(summary(s) + "\n"))
}
