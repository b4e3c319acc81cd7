package check

import (
	"context"
	"errors"
	"sync"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/finding"
	"github.com/ingest-bundle/ingest/queue"
)

// test runs the tests of one component.
func (c *Checker) test(ctx context.Context, comp *component, samples samples) (found []finding.Finding) {
	switch {
	case comp.err != nil:
		return []finding.Finding{finding.Of("fields", comp.err)}
	case comp.queue != nil:
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		return queue.Check(ctx, *comp.queue, comp.report.Kind == "input")
	case comp.webhook != "":
		return []finding.Finding{finding.Of("connect", c.within(ctx, func(ctx context.Context) error { return dial(ctx, comp.webhook) }))}
	case comp.system != nil:
		return c.testSystem(ctx, comp, samples)
	}
	return c.testStock(ctx, comp)
}

// need is an access that a component has a use for.
type need struct {
	access ingest.Access
	// without says what happens where it is denied, if that is no failure.
	without string
}

func (comp *component) needs() []need {
	switch comp.report.Kind {
	case "input":
		return []need{{access: ingest.AccessList}}
	case "processor":
		needs := []need{{access: ingest.AccessGet}}
		if comp.cleansUp {
			needs = append(needs, need{access: ingest.AccessDelete})
		}
		return needs
	}
	return []need{
		{access: ingest.AccessPut},
		{access: ingest.AccessGet, without: "what is up to date cannot be told, and is stored again by every scan"},
		{access: ingest.AccessDelete, without: "a copy that fails verification cannot be removed"},
	}
}

func (c *Checker) testSystem(ctx context.Context, comp *component, samples samples) (found []finding.Finding) {
	tester, ok := comp.system.(ingest.AccessTester)
	if !ok {
		return []finding.Finding{c.testConnection(ctx, comp.system)}
	}
	var beside *ingest.Codec
	if comp.report.Kind == "processor" {
		beside = samples.of(ctx, c, comp.system)
	}
	for _, need := range comp.needs() {
		err := c.within(ctx, func(ctx context.Context) error { return tester.TestAccess(ctx, need.access, beside) })
		f := finding.Of(string(need.access), err)
		denied := errors.Is(err, ingest.ErrDenied)
		switch {
		case errors.Is(err, ingest.ErrNotTested):
			f.Status = finding.NotTested
		case err != nil && !denied:
			// It holds for every access.
			f.Test = "connect"
			return []finding.Finding{f}
		case denied && need.without != "":
			f.Status = finding.Note
			f.Text += ": " + need.without
		case err == nil && need.access == ingest.AccessList && len(comparedWith(comp.system)) > 0:
			f.Text = "of the destinations that the scan is compared with, too"
		}
		found = append(found, f)
	}
	return found
}

func (c *Checker) testConnection(ctx context.Context, system any) finding.Finding {
	tester, ok := system.(ingest.ConnectionTester)
	if !ok {
		return finding.Say("connect", finding.NotTested, "the system has no test")
	}
	return finding.Of("connect", c.within(ctx, tester.TestConnection))
}

// samples give an element of what an input lists, by where it lists.
type samples map[string]func(context.Context, *Checker) *ingest.Codec

func samplesOf(all []*component) samples {
	s := samples{}
	for _, comp := range all {
		nexter, isNexter := comp.system.(ingest.Nexter)
		at, isLocator := comp.system.(ingest.Locator)
		if comp.err != nil || comp.report.Kind != "input" || !isNexter || !isLocator {
			continue
		}
		var once sync.Once
		var sample *ingest.Codec
		s[at.Location(ingest.Codec{})] = func(ctx context.Context, c *Checker) *ingest.Codec {
			once.Do(func() {
				// Without one, the processor finds another way.
				_ = c.within(ctx, func(ctx context.Context) (err error) {
					if err = nexter.Reset(ctx); err == nil {
						sample, err = nexter.Next(ctx)
					}
					// What the source has no longer is no example of what it has.
					if compares, ok := nexter.(ingest.Comparer); ok && ingest.IsDeletion(lookup(compares.Hints())) {
						sample = nil
					}
					return err
				})
			})
			return sample
		}
	}
	return s
}

func lookup(m map[string]string) func(string) (string, bool) {
	return func(key string) (string, bool) {
		v, ok := m[key]
		return v, ok
	}
}

// of returns an element of what the processor's system holds, or nil.
func (s samples) of(ctx context.Context, c *Checker, system any) *ingest.Codec {
	at, ok := system.(ingest.Locator)
	if !ok {
		return nil
	}
	if sample, ok := s[at.Location(ingest.Codec{})]; ok {
		return sample(ctx, c)
	}
	return nil
}
