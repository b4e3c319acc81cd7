package progress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Dependency is something outside that a component cannot do without.
type Dependency struct {
	t    *Tracker
	name string

	mu    sync.Mutex
	err   error
	since time.Time
}

// NewDependency registers what is named, which must hold no secrets. Where errors
// say by themselves what is down, the name is empty.
func (t *Tracker) NewDependency(name string) *Dependency {
	d := &Dependency{t: t, name: name}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dependencies[d] = struct{}{}
	return d
}

// Set says why the dependency is down, or with nil that it is there.
func (d *Dependency) Set(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.since = time.Now()
	}
	d.err = err
}

// Err returns why the dependency is down; nil if it is not.
func (d *Dependency) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// Close forgets the dependency, but not that it is down.
func (d *Dependency) Close() {
	d.t.mu.Lock()
	defer d.t.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil && !errors.Is(d.err, context.Canceled) {
		d.t.down = append(d.t.down, d.outage())
	}
	delete(d.t.dependencies, d)
}

// elsewhere is an error of another system than the one that a Dependency is named after.
type elsewhere struct {
	error
	system string
}

// At says which system err is of, where that is not the one that is worked with. Nil
// stays nil.
func At(system string, err error) error {
	if err == nil {
		return nil
	}
	return &elsewhere{err, system}
}

func (e *elsewhere) Error() string { return e.system + ": " + e.error.Error() }
func (e *elsewhere) Unwrap() error { return e.error }

// Outage is a Dependency that is down.
type Outage struct {
	// System is the name of the dependency; it may be empty.
	System string    `json:"system"`
	Error  string    `json:"error"`
	Since  time.Time `json:"since"`
}

// String is the outage for people, who see it at the given time.
func (o Outage) String(now time.Time) string {
	what := o.Error
	if o.System != "" {
		what = o.System + ": " + what
	}
	return fmt.Sprintf("outage: %s (%s)", what, now.Sub(o.Since).Round(time.Second))
}

// outages returns what is down.
func (t *Tracker) outages() []Outage {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := []Outage{}
	for d := range t.dependencies {
		d.mu.Lock()
		if d.err != nil {
			all = append(all, d.outage())
		}
		d.mu.Unlock()
	}
	return eachOnce(all)
}

// outage is that of a dependency which is down.
func (d *Dependency) outage() Outage {
	name, err := d.name, d.err
	var other *elsewhere
	if errors.As(err, &other) {
		name, err = other.system, other.error
	}
	return Outage{name, reason(name, err), d.since.UTC()}
}

// eachOnce puts the longest outage first.
func eachOnce(all []Outage) []Outage {
	slices.SortFunc(all, func(a, b Outage) int {
		if c := a.Since.Compare(b.Since); c != 0 {
			return c
		}
		return strings.Compare(a.System, b.System)
	})
	var seen []Outage
	return slices.DeleteFunc(all, func(o Outage) bool {
		known := slices.ContainsFunc(seen, func(s Outage) bool { return s.System == o.System && s.Error == o.Error })
		seen = append(seen, o)
		return known
	})
}

// maxReason is how much of an error is shown.
const maxReason = 200

// reason is an error in one line. Where it is known what is down, an error of the
// network says why, and all around it repeats where.
func reason(name string, err error) string {
	text := err.Error()
	var op *net.OpError
	if name != "" && errors.As(err, &op) {
		text = op.Error()
	}
	text = strings.ReplaceAll(text, "\n", "; ")
	if runes := []rune(text); len(runes) > maxReason {
		text = string(runes[:maxReason]) + "…"
	}
	return text
}
