package safety

import (
	"fmt"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// compared is an input that compares what it scans with destinations.
type compared struct {
	places []place
	// unknown says that not all of them are known here.
	unknown bool
	deletes bool
	file    string
	line    int
}

// output is a component that stores objects.
type output struct {
	place
	component string
	// renames says that names are not those of the source.
	renames bool
}

func (o output) String() string {
	if o.store == "" {
		return o.component
	}
	return o.place.String()
}

// storing are the components that store objects. Of the last two nobody knows here
// where.
var storing = []string{"ingest_s3", "ingest_files", "ingest_drive", "ingest_plugin"}

// readComparison notes what decides whether a scan may be compared with destinations.
// The place of the component may not be known.
func (w *workflow) readComparison(c *service.WalkedComponent, conf fields, p place, known bool) {
	_, hasPlaces := places[c.Name]
	list, _ := conf["destinations"].([]any)
	switch {
	case c.ComponentType == "processor":
		w.removes = w.removes || conf["operation"] == "clean_up"
	case c.ComponentType == "output" && slices.Contains(storing, c.Name) && (known || !hasPlaces):
		w.outputs = append(w.outputs, output{p, c.Name, conf.text("key") != ""})
	case c.ComponentType == "input" && len(list) > 0:
		with := &compared{deletes: conf["delete"] == true, file: p.file, line: p.line}
		for _, d := range list {
			conf, _ := d.(map[string]any)
			p, known := placeOf(c.Name, conf)
			with.places = append(with.places, p)
			with.unknown = with.unknown || !known
		}
		w.compared = append(w.compared, with)
	}
}

// removingWhatIsDeleted finds workflows that remove objects from the source, and delete
// at the destinations what the source has not.
func removingWhatIsDeleted(workflows []*workflow) (findings []Finding) {
	for _, w := range workflows {
		for _, c := range w.compared {
			if c.deletes && (w.cleansUp || w.removes) {
				findings = append(findings, Finding{c.file, c.line,
					"delete would delete the only copies of what clean_up removes from the source: set one of the two to false"})
			}
		}
	}
	return findings
}

// beyondComparison finds outputs that would not get what the destinations hold that
// the scan is compared with, and those whose names the scan does not know.
func beyondComparison(workflows []*workflow) (findings []Finding) {
	for _, w := range workflows {
		for _, c := range w.compared {
			for _, o := range w.outputs {
				switch {
				case o.renames:
					findings = append(findings, Finding{o.file, o.line, fmt.Sprintf(
						"%s stores under a key of its own, and the scan looks for other names at its destinations: leave key out, or destinations", o.component)})
				case !c.unknown && !slices.ContainsFunc(c.places, func(p place) bool { return p.store == o.store && p.prefix == o.prefix }):
					findings = append(findings, Finding{o.file, o.line, fmt.Sprintf(
						"%s is not among the destinations that the scan is compared with (%s, line %d), and would not get what those hold: add it there", o, c.file, c.line)})
				}
			}
		}
	}
	return findings
}
