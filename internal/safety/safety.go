// Package safety finds combinations of components that could wipe data or grow
// without end, which no component can see by itself: a destination inside its
// own source, two workflows of which one removes what the other is to copy, and
// objects that are removed while only some of their pieces are stored. It also
// finds slips that the linter of Benthos passes over.
package safety

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Finding is a dangerous combination.
type Finding struct {
	// File and Line say where to mend it.
	File string
	Line int
	Text string
}

func (f Finding) String() string { return fmt.Sprintf("%s(%d,1) %s", f.File, f.Line, f.Text) }

// workflow is what the pipelines on both sides of one queue do together.
type workflow struct {
	name         string
	sources      []place
	destinations []place
	// fetches are the places of processors, and puts and takes the queues.
	fetches     []place
	puts, takes []queueAt
	cleansUp    bool
	// removes says that a processor removes objects from the source.
	removes  bool
	compared []*compared
	outputs  []output
	// settles says that the input knows of all batches made of a message.
	settles bool
	// cuts are the processors that make several batches of one.
	cuts []cut
}

type cut struct {
	processor, file string
	line            int
}

// Check looks at configurations that are run together, by file name.
func Check(schema *service.ConfigSchema, files map[string][]byte) ([]Finding, error) {
	pipelines, err := readAll(schema, files)
	if err != nil {
		return nil, err
	}
	workflows := map[string]*workflow{}
	var findings []Finding
	for _, pipeline := range pipelines {
		findings = append(findings, cuttingWhatIsCleanedUp(pipeline)...)
		merge(workflows, pipeline)
	}
	var all []*workflow
	for _, w := range workflows {
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b *workflow) int { return strings.Compare(a.name, b.name) })
	return slices.Concat(findings, insideOwnSource(all), cleaningTheSame(all), removingWhatIsDeleted(all), beyondComparison(all)), nil
}

// cuttingWhatIsCleanedUp finds processors that give the pieces of an object to the
// fan-out in several batches, of which the first would have it cleaned up.
func cuttingWhatIsCleanedUp(pipeline *workflow) (findings []Finding) {
	if !pipeline.cleansUp || pipeline.settles {
		return nil
	}
	for _, c := range pipeline.cuts {
		findings = append(findings, Finding{c.file, c.line, fmt.Sprintf(
			"%s makes several batches of one, and clean_up would remove an object when the first of them is stored: take from ingest_queue, which knows of them all, keep the pieces of an object in one batch, with unarchive and mapping alone, or set clean_up to false", c.processor)})
	}
	return findings
}

func merge(workflows map[string]*workflow, pipeline *workflow) {
	w, ok := workflows[pipeline.name]
	if !ok {
		workflows[pipeline.name] = pipeline
		return
	}
	w.sources = append(w.sources, pipeline.sources...)
	w.destinations = append(w.destinations, pipeline.destinations...)
	w.cleansUp = w.cleansUp || pipeline.cleansUp
	w.removes = w.removes || pipeline.removes
	w.compared = append(w.compared, pipeline.compared...)
	w.outputs = append(w.outputs, pipeline.outputs...)
}

func insideOwnSource(workflows []*workflow) (findings []Finding) {
	for _, w := range workflows {
		for _, d := range w.destinations {
			for _, s := range w.sources {
				if s.holds(d) {
					findings = append(findings, Finding{d.file, d.line, fmt.Sprintf(
						"the destination %s is inside its own source %s, so that every scan would find the copies: use another place, or one beside the source", d, s)})
				}
			}
		}
	}
	return findings
}

func cleaningTheSame(workflows []*workflow) (findings []Finding) {
	for i, a := range workflows {
		for _, b := range workflows[i+1:] {
			if !a.cleansUp && !b.cleansUp {
				continue
			}
			for _, s := range a.sources {
				for _, other := range b.sources {
					if s.holds(other) || other.holds(s) {
						findings = append(findings, Finding{other.file, other.line, fmt.Sprintf(
							"%s is the source of two workflows, %s and %s, and at least one of them cleans up what the other may not have copied: give them places of their own, or one fan-out", other, a.name, b.name)})
					}
				}
			}
		}
	}
	return findings
}

// readAll reads the files in the order of their names.
func readAll(schema *service.ConfigSchema, files map[string][]byte) (pipelines []*workflow, err error) {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		pipeline, err := read(schema, file, files[file])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		pipelines = append(pipelines, pipeline)
	}
	return pipelines, nil
}

// cutters are the processors that can make several batches of one.
var cutters = []string{"split", "group_by", "group_by_value"}

// read finds the parts of a workflow in a pipeline. The subject of its queue is
// the workflow's name, and where there is no queue the file's.
func read(schema *service.ConfigSchema, file string, text []byte) (*workflow, error) {
	w := &workflow{name: file}
	err := schema.NewStreamConfigWalker().WalkComponentsYAML(text, func(c *service.WalkedComponent) error {
		if c.ComponentType == "processor" && slices.Contains(cutters, c.Name) {
			w.cuts = append(w.cuts, cut{c.Name, file, c.LineStart})
			return nil
		}
		conf, ok := fieldsOf(c)
		if !ok {
			return nil
		}
		switch c.Name {
		case "ingest_queue":
			w.settles = w.settles || c.ComponentType == "input"
			q, ok := queueOf(conf, file, c.LineStart)
			w.name = cmp.Or(q.subject, w.name)
			switch {
			case ok && c.ComponentType == "input":
				w.takes = append(w.takes, q)
			case ok:
				w.puts = append(w.puts, q)
			}
			return nil
		case "ingest_fan_out":
			w.cleansUp = w.cleansUp || conf["clean_up"] == true
			return nil
		}
		p, ok := placeOf(c.Name, conf)
		p.file, p.line = file, c.LineStart
		w.readComparison(c, conf, p, ok)
		if !ok {
			return nil
		}
		switch {
		case c.ComponentType == "input":
			w.sources = append(w.sources, p)
		case c.ComponentType == "processor":
			w.fetches = append(w.fetches, p)
		// A key of its own may lead anywhere.
		case c.ComponentType == "output" && conf.text("key") == "":
			w.destinations = append(w.destinations, p)
		}
		return nil
	})
	return w, err
}

type fields map[string]any

func fieldsOf(c *service.WalkedComponent) (fields, bool) {
	v, err := c.ConfigAny()
	if err != nil {
		return nil, false
	}
	component, _ := v.(map[string]any)
	conf, ok := component[c.Name].(map[string]any)
	return conf, ok
}

func (f fields) text(name string) string {
	s, _ := f[name].(string)
	return s
}
