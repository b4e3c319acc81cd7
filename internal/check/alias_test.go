package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/finding"
)

// place is a system of which only the place matters.
type place string

func (p place) Location(ingest.Codec) string { return string(p) }

func TestAliasesAreNoted(t *testing.T) {
	const source = "s3://127.0.0.1:9000/bucket/"
	for name, tc := range map[string]struct {
		destination string
		noted       bool
	}{
		"another name":           {"s3://localhost:9000/bucket/", true},
		"another name, a prefix": {"s3://localhost:9000/bucket/copy/", true},
		"another port":           {"s3://localhost:9001/bucket/", false},
		"another bucket":         {"s3://localhost:9000/other/", false},
		"another address":        {"s3://127.0.0.2:9000/bucket/", false},
		"the same name":          {"s3://127.0.0.1:9000/bucket/copy/", false},
	} {
		t.Run(name, func(t *testing.T) {
			from := &component{report: ComponentReport{Kind: "processor", Where: source}, system: place(source)}
			to := &component{report: ComponentReport{Kind: "output"}, system: place(tc.destination)}
			(&Checker{Timeout: 10 * time.Second}).noteAliases(t.Context(), []*component{from, to})
			assert.Empty(t, from.report.Findings)
			if !tc.noted {
				assert.Empty(t, to.report.Findings)
				return
			}
			if assert.Len(t, to.report.Findings, 1) {
				assert.Equal(t, finding.Note, to.report.Findings[0].Status)
				assert.Contains(t, to.report.Findings[0].Text, source)
			}
		})
	}
}
