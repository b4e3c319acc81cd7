package workflow

import (
	"encoding/json"
	"fmt"
)

// labelMapping gives metrics the labels that those of the original have. The stream is
// the name of a Pipeline, and a destination its place among the outputs.
const labelMapping = `let workflows = %s
let of = $workflows.get(meta("stream").or("")).or({})
let at = meta("path").or("").re_find_object("[.]ingest_fan_out[.]outputs[.](?P<n>[0-9]+)").n.or("-1").number()
let destination = $of.destinations.index($at).catch({})
meta workflow = $of.workflow.or("")
meta source = $of.source.or("")
meta destination = if $at < 0 { "" } else { $destination.name.or("") }
meta plugin = if $at < 0 { "" } else { $destination.plugin.or("") }
`

type labels struct {
	Workflow     string             `json:"workflow"`
	Source       string             `json:"source"`
	Destinations []destinationLabel `json:"destinations"`
}

type destinationLabel struct {
	Name   string `json:"name"`
	Plugin string `json:"plugin"`
}

// MetricsMapping returns the Bloblang for metrics.mapping of a service that runs the
// pipelines as streams: all metrics get the labels workflow, source, destination and
// plugin, which is the type of the destination, as far as they have one.
func (f *File) MetricsMapping() string {
	of := map[string]labels{}
	for _, w := range f.workflows {
		l := labels{Workflow: w.name, Source: w.source.name}
		for _, d := range w.destinations {
			l.Destinations = append(l.Destinations, destinationLabel{d.name, d.typ})
		}
		of[w.name+"_"+string(Enqueue)], of[w.name+"_"+string(Dequeue)] = l, l
	}
	// JSON is a literal in Bloblang, and strings can always be marshalled.
	literal, _ := json.Marshal(of)
	return fmt.Sprintf(labelMapping, literal)
}
