package safety

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// queueAt is an ingest_queue component.
type queueAt struct {
	// name tells queues from each other, up to the subject. All servers are one
	// here: they may have several names.
	name, subject string
	file          string
	line          int
}

func (q queueAt) String() string { return q.subject + " in " + q.name }

// takesFrom reports whether what is put into the other queue is taken from q.
func (q queueAt) takesFrom(other queueAt) bool {
	return q.name == other.name && strings.HasPrefix(other.subject+".", q.subject+".")
}

func queueOf(conf fields, file string, line int) (q queueAt, ok bool) {
	q = queueAt{name: "stream " + cmp.Or(conf.text("stream"), "ingest"), subject: conf.text("subject"), file: file, line: line}
	if urls, _ := conf["urls"].([]any); len(urls) > 0 {
		q.name += " on NATS servers"
		return q, q.subject != ""
	}
	dir, err := filepath.Abs(cmp.Or(conf.text("store_dir"), "ingest-queue"))
	q.name += " at " + dir
	return q, q.subject != "" && err == nil
}

// Doubts looks at configurations that are run together, by file name, for what most
// often is a mistake, and may be meant.
func Doubts(schema *service.ConfigSchema, files map[string][]byte) ([]Finding, error) {
	pipelines, err := readAll(schema, files)
	if err != nil {
		return nil, err
	}
	return slices.Concat(halvesThatDoNotFit(pipelines), fetchingElsewhere(pipelines)), nil
}

// halvesThatDoNotFit finds queues that nothing takes from, where there is one as well
// that nothing puts into.
func halvesThatDoNotFit(pipelines []*workflow) (findings []Finding) {
	var puts, takes []queueAt
	for _, p := range pipelines {
		puts, takes = append(puts, p.puts...), append(takes, p.takes...)
	}
	empty := slices.IndexFunc(takes, func(take queueAt) bool { return !slices.ContainsFunc(puts, take.takesFrom) })
	if empty < 0 {
		return nil
	}
	for _, put := range puts {
		if !slices.ContainsFunc(takes, func(take queueAt) bool { return take.takesFrom(put) }) {
			findings = append(findings, Finding{put.file, put.line, fmt.Sprintf(
				"nothing here takes from %s, and nothing puts into %s, which %s takes from (line %d): see whether they are to be one queue",
				put, takes[empty], takes[empty].file, takes[empty].line)})
		}
	}
	return findings
}

// fetchingElsewhere finds processors that do not fetch from where the scan is that
// queues for them.
func fetchingElsewhere(pipelines []*workflow) (findings []Finding) {
	for _, taking := range pipelines {
		sources := taking.queuedFrom(pipelines)
		for _, from := range taking.fetches {
			if len(sources) > 0 && !slices.ContainsFunc(sources, from.holds) {
				findings = append(findings, Finding{from.file, from.line, fmt.Sprintf(
					"objects are fetched from %s, but those that are queued for it are found in %s (%s, line %d): what is not there too counts as vanished",
					from, sources[0], sources[0].file, sources[0].line)})
			}
		}
	}
	return findings
}

// queuedFrom returns where that is found what the pipeline takes from queues.
func (w *workflow) queuedFrom(pipelines []*workflow) (sources []place) {
	for _, p := range pipelines {
		for _, take := range w.takes {
			if slices.ContainsFunc(p.puts, take.takesFrom) {
				sources = append(sources, p.sources...)
			}
		}
	}
	return sources
}
