// Package check connects to everything that configurations name, and tells what
// works, what does not, and what a run would do. It changes nothing.
package check

import (
	"context"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest/internal/finding"
	"github.com/ingest-bundle/ingest/queue"
)

// Checker knows how configurations are read.
type Checker struct {
	Schema *service.ConfigSchema
	// Expand replaces the environment variables in a configuration.
	Expand func([]byte) []byte
	// ParseQueue reads an ingest_queue component.
	ParseQueue func(yaml string, isInput bool) (queue.Config, error)
	// Timeout bounds each test.
	Timeout time.Duration
}

// File is a configuration as it was read.
type File struct {
	Path string
	Text []byte
}

// Report is what was found.
type Report struct {
	OK    bool          `json:"ok"`
	Files []*FileReport `json:"files"`
}

// FileReport is what was found for one configuration.
type FileReport struct {
	Path string `json:"path"`
	// Lints are what keeps the configuration from being run at all; nothing
	// is connected to then.
	Lints      []Lint             `json:"lints"`
	Components []*ComponentReport `json:"components"`
	// Doubts are what most often is a mistake, and may be meant.
	Doubts []Lint `json:"doubts,omitempty"`
	// Plan says what a run would do.
	Plan string `json:"plan,omitempty"`
}

// Lint is something wrong in a configuration.
type Lint struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	Mend string `json:"fix,omitempty"`
}

// ComponentReport is what was found for one component.
type ComponentReport struct {
	Line  int    `json:"line"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Label string `json:"label,omitempty"`
	// Where is what the component connects to.
	Where    string            `json:"where,omitempty"`
	Findings []finding.Finding `json:"findings"`
}

// Failures counts what does not work.
func (r *Report) Failures() (n int) {
	for _, f := range r.Files {
		n += len(f.Lints)
		for _, c := range f.Components {
			for _, found := range c.Findings {
				if found.Status == finding.Failed {
					n++
				}
			}
		}
	}
	return n
}

// Run checks configurations that are run together.
func (c *Checker) Run(ctx context.Context, files []File) *Report {
	report := &Report{}
	var all []*component
	for _, f := range files {
		text := c.Expand(f.Text)
		file := &FileReport{Path: f.Path, Lints: c.lint(f.Text, text), Components: []*ComponentReport{}}
		report.Files = append(report.Files, file)
		if len(file.Lints) > 0 {
			continue
		}
		components, err := c.components(text)
		if err != nil {
			file.Lints = append(file.Lints, Lint{Line: 1, Text: err.Error()})
			continue
		}
		for _, comp := range components {
			file.Components = append(file.Components, &comp.report)
		}
		file.Plan = plan(components)
		all = append(all, components...)
	}
	samples := samplesOf(all)
	var wg sync.WaitGroup
	for _, comp := range all {
		wg.Go(func() { comp.report.Findings = c.test(ctx, comp, samples) })
	}
	wg.Wait()
	c.noteAliases(ctx, all)
	c.addDangers(files, report)
	report.OK = report.Failures() == 0
	return report
}

// within runs one test, in time.
func (c *Checker) within(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return f(ctx)
}
