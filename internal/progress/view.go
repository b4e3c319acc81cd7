package progress

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// rateWindow is the time over which rates are taken: long enough to be steady,
// short enough to show a change.
const rateWindow = 10 * time.Second

// rates are those of the last rateWindow, per second.
type rates struct {
	scanned, objects, bytes float64
}

// window keeps the snapshots of the last rateWindow.
type window struct{ snapshots []*Snapshot }

func (w *window) add(s *Snapshot) rates {
	w.snapshots = append(w.snapshots, s)
	for len(w.snapshots) > 2 && s.Elapsed-w.snapshots[1].Elapsed >= rateWindow {
		w.snapshots = w.snapshots[1:]
	}
	return ratesBetween(w.snapshots[0], s)
}

func ratesBetween(from, to *Snapshot) rates {
	seconds := (to.Elapsed - from.Elapsed).Seconds()
	if seconds <= 0 {
		return rates{}
	}
	return rates{
		scanned: float64(to.Scanned-from.Scanned) / seconds,
		objects: float64(to.Done()-from.Done()) / seconds,
		bytes:   float64(to.Bytes-from.Bytes) / seconds,
	}
}

// eta is how long the queues take at this rate; false if that cannot be told.
func eta(s *Snapshot, r rates) (time.Duration, bool) {
	if s.Backlog == nil || r.objects <= 0 {
		return 0, false
	}
	left := float64(s.Backlog.Pending + s.Backlog.InFlight)
	return time.Duration(left / r.objects * float64(time.Second)), true
}

// status is one line for people. What matters most comes first: a narrow terminal
// cuts off its end.
func status(s *Snapshot, r rates) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	for _, o := range s.Outages {
		add("%s", o.String(time.Now()))
	}
	if s.Scanned > 0 {
		add("%s scanned", humanize.Comma(s.Scanned))
	}
	moves := s.Done() > 0 || s.Backlog != nil
	if moves {
		add("%s done", humanize.Comma(s.Done()))
	}
	if s.Backlog != nil {
		taken := ""
		if s.Backlog.InFlight > 0 {
			taken = fmt.Sprintf(" (%s taken)", humanize.Comma(s.Backlog.InFlight))
		}
		add("%s pending%s", humanize.Comma(s.Backlog.Pending+s.Backlog.InFlight), taken)
	}
	add("%s failed", humanize.Comma(s.Failures))
	if s.FailedAttempts > 0 {
		add("%s retried", humanize.Comma(s.FailedAttempts))
	}
	if left, ok := eta(s, r); ok && left >= time.Second {
		add("ETA %s", left.Round(time.Second))
	}
	if moves {
		add("%s", size(s.Bytes))
		add("%.0f/s", r.objects)
		add("%s/s", size(int64(r.bytes)))
	} else {
		add("%.0f/s", r.scanned)
	}
	return strings.Join(parts, " · ")
}

// summary is the last line for people.
func summary(s *Snapshot) string {
	r := ratesBetween(&Snapshot{}, s)
	var parts []string
	add := func(n int64, what string) {
		if n > 0 {
			parts = append(parts, humanize.Comma(n)+" "+what)
		}
	}
	add(s.Scanned, "scanned")
	if s.Stored > 0 {
		add(s.Stored, fmt.Sprintf("stored (%s sent, %.0f/s, %s/s)", size(s.Bytes), r.objects, size(int64(r.bytes))))
	}
	add(s.UpToDate, "up to date")
	add(s.Kept, "left as they were")
	add(s.Vanished, "vanished at the source")
	add(s.Deleted, "deleted at the destinations")
	add(s.Removed, "removed from the source")
	add(s.FailedAttempts, "retried")
	parts = append(parts, humanize.Comma(s.Failures)+" failed")
	if s.Backlog != nil {
		add(s.Backlog.Pending+s.Backlog.InFlight, "left in the queue")
	}
	line := fmt.Sprintf("%s in %s", strings.Join(parts, ", "), s.Elapsed.Round(time.Millisecond))
	for _, o := range s.Outages {
		line += "; " + o.String(time.Now())
	}
	return line
}

func size(bytes int64) string { return humanize.IBytes(uint64(max(bytes, 0))) }

// record is one line for programs. Rates are per second, durations in seconds.
type record struct {
	Time             time.Time `json:"time"`
	Final            bool      `json:"final"`
	Elapsed          float64   `json:"elapsed_seconds"`
	Scanned          int64     `json:"scanned"`
	Stored           int64     `json:"stored"`
	UpToDate         int64     `json:"up_to_date"`
	Kept             int64     `json:"kept"`
	Vanished         int64     `json:"vanished"`
	Deleted          int64     `json:"deleted"`
	Removed          int64     `json:"removed"`
	Bytes            int64     `json:"bytes"`
	ObjectsPerSecond float64   `json:"objects_per_second"`
	BytesPerSecond   float64   `json:"bytes_per_second"`
	// Pending, InFlight and ETA are null where no queue can be asked.
	Pending        *int64   `json:"pending"`
	InFlight       *int64   `json:"in_flight"`
	ETA            *float64 `json:"eta_seconds"`
	FailedAttempts int64    `json:"failed_attempts"`
	Failures       int64    `json:"failed"`
	// Outages is empty where nothing is down.
	Outages []Outage `json:"outages"`
}

func marshal(s *Snapshot, r rates, final bool) string {
	rec := record{
		Time: time.Now().UTC(), Final: final, Elapsed: s.Elapsed.Seconds(),
		Scanned: s.Scanned, Stored: s.Stored, UpToDate: s.UpToDate, Kept: s.Kept, Vanished: s.Vanished, Deleted: s.Deleted, Removed: s.Removed,
		Bytes: s.Bytes, ObjectsPerSecond: r.objects, BytesPerSecond: r.bytes,
		FailedAttempts: s.FailedAttempts, Failures: s.Failures, Outages: s.Outages,
	}
	if s.Backlog != nil {
		rec.Pending, rec.InFlight = &s.Backlog.Pending, &s.Backlog.InFlight
	}
	if left, ok := eta(s, r); ok {
		seconds := left.Seconds()
		rec.ETA = &seconds
	}
	line, err := json.Marshal(rec)
	if err != nil {
		// A struct of numbers and texts always marshals.
		panic(err)
	}
	return string(line)
}
