package check

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/finding"
	"github.com/ingest-bundle/ingest/systems"
)

// shelf is a system of another bundle, whose accesses fail as its fields say.
type shelf struct {
	ingest.Source
	ingest.Destination
	denies, fails, untested string
}

func (s *shelf) Location(codec ingest.Codec) string { return "shelf://" + codec.ID }
func (s *shelf) Reset(context.Context) error        { return nil }
func (s *shelf) Next(context.Context) (*ingest.Codec, error) {
	codec := ingest.NewCodec("sample", "sample", nil)
	return &codec, nil
}

func (s *shelf) TestAccess(_ context.Context, access ingest.Access, beside *ingest.Codec) error {
	switch string(access) {
	case s.denies:
		id := "nothing"
		if beside != nil {
			id = beside.ID
		}
		return finding.Mend(errors.Join(ingest.ErrDenied, errors.New("beside "+id)), "ask the librarian")
	case s.fails:
		return errors.New("the library is closed")
	case s.untested:
		return ingest.ErrNotTested
	}
	return nil
}

func (s *shelf) Stat(context.Context, ingest.Codec) (*ingest.Stored, error) { return nil, nil }

func init() {
	fields := []*service.ConfigField{
		service.NewStringField("denies").Default(""),
		service.NewStringField("fails").Default(""),
		service.NewStringField("untested").Default(""),
	}
	parse := func(conf *service.ParsedConfig) (*shelf, error) {
		s := &shelf{}
		for name, into := range map[string]*string{"denies": &s.denies, "fails": &s.fails, "untested": &s.untested} {
			v, err := conf.FieldString(name)
			if err != nil {
				return nil, err
			}
			*into = v
		}
		return s, nil
	}
	err := errors.Join(
		systems.RegisterSource(systems.Source{Name: "shelf", Title: "a shelf", Fields: fields,
			New: func(conf *service.ParsedConfig, _ *service.Resources) (ingest.Source, error) {
				s, err := parse(conf)
				return sourceOf{s}, err
			}}),
		systems.RegisterDestination(systems.Destination{Name: "shelf", Title: "a shelf", Fields: fields,
			New: func(conf *service.ParsedConfig, _ *service.Resources) (ingest.Destination, error) { return parse(conf) }}),
	)
	if err != nil {
		panic(err)
	}
}

// sourceOf is the shelf as a source.
type sourceOf struct{ *shelf }

func (s sourceOf) Download(context.Context, ingest.Codec) (*ingest.Object, error) { return nil, nil }
func (s sourceOf) CleanUp(context.Context, ingest.Codec) error                    { return nil }

func run(t *testing.T, texts ...string) *Report {
	t.Helper()
	c := &Checker{
		Schema:  service.GlobalEnvironment().FullConfigSchema("", ""),
		Expand:  func(text []byte) []byte { return text },
		Timeout: 10 * time.Second,
	}
	var files []File
	for _, text := range texts {
		files = append(files, File{Path: "pipeline.yaml", Text: []byte(text)})
	}
	return c.Run(t.Context(), files)
}

func TestWhatBecomesOfAnAccess(t *testing.T) {
	for name, tc := range map[string]struct {
		config string
		line   int
		want   []finding.Finding
		ok     bool
	}{
		"denied": {"input:\n  ingest_shelf: { denies: list }\noutput:\n  drop: {}\n", 2,
			[]finding.Finding{{Test: "list", Status: finding.Failed, Text: "denied; beside nothing", Mend: "ask the librarian"}}, false},
		"another error holds for all": {"input:\n  generate: { mapping: root = 1 }\noutput:\n  ingest_shelf: { fails: put }\n", 4,
			[]finding.Finding{{Test: "connect", Status: finding.Failed, Text: "the library is closed"}}, false},
		"not needed, and not tested": {"input:\n  generate: { mapping: root = 1 }\noutput:\n  ingest_shelf: { denies: get, untested: delete }\n", 4,
			[]finding.Finding{
				{Test: "put", Status: finding.OK},
				{Test: "get", Status: finding.Note, Text: "denied; beside nothing: what is up to date cannot be told, and is stored again by every scan", Mend: "ask the librarian"},
				{Test: "delete", Status: finding.NotTested, Text: "not tested"},
			}, true},
		"delete only where it is cleaned up": {"input:\n  generate: { mapping: root = 1 }\npipeline:\n  processors:\n    - ingest_shelf: { denies: delete }\noutput:\n  drop: {}\n", 5,
			[]finding.Finding{{Test: "get", Status: finding.OK}}, true},
		"clean-up by a processor": {"input:\n  generate: { mapping: root = 1 }\npipeline:\n  processors:\n    - ingest_shelf: { denies: delete, operation: clean_up }\noutput:\n  drop: {}\n", 5,
			[]finding.Finding{{Test: "get", Status: finding.OK}, {Test: "delete", Status: finding.Failed, Text: "denied; beside nothing", Mend: "ask the librarian"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			report := run(t, tc.config)
			assert.Equal(t, tc.ok, report.OK)
			require.Empty(t, report.Files[0].Lints)
			var got []finding.Finding
			for _, c := range report.Files[0].Components {
				if c.Line == tc.line {
					got = c.Findings
				}
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

// What the input of one configuration lists is what the other's processor tries
// its accesses on.
func TestSamplesComeFromTheOtherConfiguration(t *testing.T) {
	report := run(t,
		"input:\n  ingest_shelf: {}\noutput:\n  drop: {}\n",
		"input:\n  generate: { mapping: root = 1 }\npipeline:\n  processors:\n    - ingest_shelf: { denies: get }\noutput:\n  drop: {}\n")
	require.Len(t, report.Files[1].Components, 3)
	assert.Contains(t, report.Files[1].Components[1].Findings[0].Text, "beside sample")
}

func TestStockComponents(t *testing.T) {
	report := run(t, `
input_resources:
  - label: elsewhere
    generate: { mapping: root = 1 }
cache_resources:
  - label: kept
    memory: {}
input:
  broker:
    inputs: [ { resource: elsewhere }, { http_client: { url: "http://localhost:1" } } ]
output:
  broker:
    outputs:
      - label: kept_there
        cache: { target: kept }
      - drop: {}
`)
	require.Empty(t, report.Files[0].Lints)
	assert.True(t, report.OK)
	got := map[string]finding.Status{}
	for _, c := range report.Files[0].Components {
		require.Len(t, c.Findings, 1, c.Name)
		got[c.Kind+" "+c.Name+" "+c.Label] = c.Findings[0].Status
	}
	assert.Equal(t, map[string]finding.Status{
		"input generate elsewhere": finding.OK,
		"input http_client ":       finding.NotTested,
		"output cache kept_there":  finding.NotTested,
		"output drop ":             finding.OK,
	}, got)
	assert.Equal(t, "would read from generate, then read from http_client, then store in 2 destinations (cache, drop)", report.Files[0].Plan)
}

func TestLints(t *testing.T) {
	report := run(t, "input:\n  # ${IN_A_COMMENT}\n  ingest_shelf:\n    denies: ${NO_SUCH_VARIABLE}\n    fails: ${NEITHER:list}\n    interval: soon\n    fials: x\noutput:\n  nothing: {}\n")
	assert.False(t, report.OK)
	assert.Empty(t, report.Files[0].Components, "nothing is connected to")
	lines := map[int]string{}
	for _, l := range report.Files[0].Lints {
		lines[l.Line] += l.Text
		assert.Contains(t, l.Text+l.Mend, map[int]string{4: "--env-file", 6: "was expected", 7: "misspelt", 9: "ingest list"}[l.Line])
	}
	assert.Len(t, lines, 4)
	assert.Contains(t, lines[4], "NO_SUCH_VARIABLE is not set")
	assert.Contains(t, lines[6], "a duration such as 300s was expected")
	assert.Contains(t, lines[7], "fials")
	assert.Contains(t, lines[9], "nothing")

	assert.Contains(t, run(t, "a: [").Files[0].Lints[0].Mend, "fix the YAML")
}
