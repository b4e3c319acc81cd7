package inputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/progress"
)

const (
	fieldInterval = "interval"

	// maxDescribed bounds each thing that a listing says of an object, in bytes: it
	// travels in a header.
	maxDescribed = 4 << 10

	// connectRetry is the pause after a source could not be reached.
	connectRetry = 3 * time.Second
)

// ScanFields returns the fields that every scanning input has.
func ScanFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldInterval).
			Description("The time from the start of one scan to the start of the next; a scan that takes longer is finished first. If empty, the source is scanned once and the input ends.").
			Default("").
			Example("300s").
			LintRule(`root = if !this.re_match("^(([0-9.]+(ns|us|µs|ms|s|m|h))+)?$") { [ "a duration such as 300s was expected" ] }`),
	}
}

// ScanMetadata documents the metadata of every scanning input.
const ScanMetadata = `
A scan that runs once and cannot begin, or has to leave something out, makes the process end with a non-zero exit code. With an ` + "`interval`" + ` a scan that fails is tried again, with growing pauses.

### Metadata

- ` + "`ingest_id`, `ingest_name`" + `: the element.
- ` + "`ingest_size`, `ingest_etag`, `ingest_last_modified`, `ingest_content_type`" + `: what the listing knows of the object. What it does not know is left out.
- ` + "`ingest_absent`" + `: the destinations that were seen to hold nothing under the name, where the input compares. Their outputs need not look.

### Metrics

- ` + "`ingest_enqueue_attempts_total`, by `result` (success, error)" + `: scans that came to their end, and scans that were given up.
- ` + "`ingest_scanned_total`" + `: elements that were emitted.
- ` + "`ingest_scan_unchanged_total`" + `: elements that were not emitted, because the input compares and every destination holds them.
- ` + "`ingest_scan_errors_total`" + `: errors of the source, and elements that were left out.
- ` + "`ingest_scan_duration_seconds`" + `: how long a scan takes, as a histogram.
`

// Scan is an input that emits the elements of a Nexter.
type Scan struct {
	// reading is held while the Nexter is in use.
	reading  sync.Mutex
	nexter   ingest.Nexter
	interval time.Duration
	log      *service.Logger
	retry    backoff.BackOff

	scans, scanned, unchanged, errs *component.Counter
	duration                        *component.Histogram

	tracker   *progress.Tracker
	progress  *progress.Scan
	stop      *component.InputStop
	tested    bool
	scanning  bool
	startedAt time.Time
	count     int
	same      int64
	skipped   int
}

// NewScan creates an input from a Nexter and the fields of ScanFields.
func NewScan(nexter ingest.Nexter, conf *service.ParsedConfig, res *service.Resources) (service.Input, error) {
	text, err := conf.FieldString(fieldInterval)
	if err != nil {
		return nil, err
	}
	var interval time.Duration
	if text != "" {
		if interval, err = time.ParseDuration(text); err != nil || interval <= 0 {
			return nil, fmt.Errorf("field %s: %q is no duration: one such as 300s was expected", fieldInterval, text)
		}
	}
	forever := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(500*time.Millisecond),
		backoff.WithMaxInterval(30*time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	m := res.Metrics()
	tracker := progress.Of(res)
	scans := component.NewCounter("ingest_enqueue_attempts_total", m, "result")
	scans.Zero(component.Results)
	// A scan has nothing to give a message back to, so it is sent again
	// until it is queued.
	return service.AutoRetryNacks(&Scan{
		nexter:    nexter,
		tracker:   tracker,
		progress:  tracker.NewScan(component.NameOf(res, nexter)),
		stop:      component.StopOf(res).Input(),
		interval:  interval,
		log:       res.Logger(),
		retry:     forever,
		scans:     scans,
		scanned:   component.NewCounter("ingest_scanned_total", m),
		errs:      component.NewCounter("ingest_scan_errors_total", m),
		unchanged: component.NewCounter("ingest_scan_unchanged_total", m),
		duration:  component.NewHistogram("ingest_scan_duration_seconds", m),
	}), nil
}

// ConnectionTest implements service.ConnectionTestable.
func (s *Scan) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	t, ok := s.nexter.(ingest.ConnectionTester)
	if !ok {
		return service.ConnectionTestNotSupported().AsList()
	}
	return component.TestResult(t.TestConnection(ctx))
}

// Connect implements service.Input.
func (s *Scan) Connect(ctx context.Context) error {
	s.stop.Watch(ctx, func() {})
	t, ok := s.nexter.(ingest.ConnectionTester)
	if s.tested || !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, component.ConnectTimeout)
	defer cancel()
	if err := t.TestConnection(ctx); err != nil {
		if s.final(err) {
			s.tracker.Fail(err)
			s.progress.End()
			s.log.Errorf("the scan cannot begin: %v", err)
			return service.ErrEndOfInput
		}
		s.progress.Troubled(err)
		return service.NewErrBackOff(err, connectRetry)
	}
	s.progress.Reached()
	s.tested = true
	return nil
}

// Read implements service.Input.
func (s *Scan) Read(ctx context.Context) (*service.Message, service.AckFunc, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		codec, obj, err := s.next(ctx)
		s.countUnchanged()
		switch {
		case err == nil:
			msg, err := s.elementMessage(codec, obj)
			if err != nil {
				s.skip(err)
				continue
			}
			s.retry.Reset()
			s.count++
			s.scanned.Incr(1)
			s.progress.Found()
			return msg, func(context.Context, error) error {
				s.progress.Queued()
				return nil
			}, nil
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case errors.Is(err, io.EOF):
			if err := s.finish(ctx); err != nil {
				return nil, nil, err
			}
		case errors.Is(err, ingest.ErrLeftOut):
			s.skip(err)
		default:
			if err := s.wait(ctx, err); err != nil {
				return nil, nil, err
			}
		}
	}
}

func (s *Scan) next(ctx context.Context) (*ingest.Codec, *ingest.Object, error) {
	if !s.scanning {
		if err := s.nexter.Reset(ctx); err != nil {
			return nil, nil, err
		}
		s.progress.Begin()
		s.scanning, s.startedAt, s.count, s.skipped = true, time.Now(), 0, 0
		s.same = 0
	}
	if l, ok := s.nexter.(ingest.Lister); ok {
		return l.NextObject(ctx)
	}
	codec, err := s.nexter.Next(ctx)
	return codec, nil, err
}

// countUnchanged counts what was left out since it was called last.
func (s *Scan) countUnchanged() {
	if c, ok := s.nexter.(ingest.Comparer); ok {
		if now := c.Unchanged(); now != s.same {
			s.unchanged.Incr(now - s.same)
			s.same = now
		}
	}
}

// skip tells of an element that cannot be listed or queued. The run goes on, and
// fails in the end.
func (s *Scan) skip(err error) {
	s.skipped++
	s.errs.Incr(1)
	s.log.Errorf("left out of the scan: %v", err)
	s.tracker.Fail(fmt.Errorf("left out of the scan: %w", err))
}

// final reports whether waiting can mend nothing: a scan that runs once ends,
// while a repeated one waits until somebody mends what is wrong.
func (s *Scan) final(err error) bool {
	return s.interval == 0 && (errors.Is(err, ingest.ErrMisconfigured) || ingest.KindOf(err) == ingest.KindPermanent)
}

// wait backs off after an error of the source.
func (s *Scan) wait(ctx context.Context, err error) error {
	s.errs.Incr(1)
	if s.final(err) {
		s.scans.Incr(1, "error")
		s.tracker.Fail(err)
		s.progress.End()
		s.log.Errorf("the scan cannot go on after %d elements: %v", s.count, err)
		return service.ErrEndOfInput
	}
	s.progress.Troubled(err)
	pause := s.retry.NextBackOff()
	s.log.Errorf("scanning, next try in %s: %v", pause.Round(time.Millisecond), err)
	return sleep(ctx, pause)
}

// finish ends a scan, and waits for the next.
func (s *Scan) finish(ctx context.Context) error {
	s.scanning = false
	s.progress.End()
	took := time.Since(s.startedAt)
	s.scans.Incr(1, "success")
	s.duration.Observe(took)
	s.log.Infof("scanned %d elements in %s, %d left out, %d unchanged at the destinations", s.count, took.Round(time.Millisecond), s.skipped, s.same)
	if s.interval == 0 {
		return service.ErrEndOfInput
	}
	return sleep(ctx, s.interval-took)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// elementMessage is the queue's message for an element.
func (s *Scan) elementMessage(codec *ingest.Codec, obj *ingest.Object) (*service.Message, error) {
	data, err := codec.Marshal()
	if err != nil {
		return nil, err
	}
	msg := ingest.NewElementMessage(context.Background(), *codec, data)
	msg.MetaSetMut(ingest.MetaID, codec.ID)
	msg.MetaSetMut(ingest.MetaName, codec.Name)
	if obj != nil {
		for k, v := range ingest.ObjectMetadata(obj) {
			if len(v) > maxDescribed {
				return nil, fmt.Errorf("%q: %s has %d bytes, at most %d are allowed", codec.ID, k, len(v), maxDescribed)
			}
			msg.MetaSetMut(k, v)
		}
	}
	if c, ok := s.nexter.(ingest.Comparer); ok {
		for k, v := range c.Hints() {
			msg.MetaSetMut(k, v)
		}
	}
	return msg, nil
}

// Close implements service.Input. It closes a Nexter that is an io.Closer. An engine
// that has no time left calls it while a Read is under way, whose context is cancelled.
func (s *Scan) Close(context.Context) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	defer component.TellCounters()
	s.stop.Close()
	s.progress.Close()
	if c, ok := s.nexter.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
