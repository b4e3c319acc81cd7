package workflow_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	_ "github.com/ingest-bundle/ingest/systems/s3"
	"github.com/ingest-bundle/ingest/workflow"
)

// good is what the bad files are made of.
const good = `sources:
- name: foo
  type: s3
  bucket: source
  secretAccessKey: planted
  accessKeyID: key
destinations:
- name: bar
  type: s3
  bucket: copy
workflows:
- name: foo-bar
  source: foo
  destinations:
  - bar
`

// explosion are aliases of aliases: each line stands for ten times the one before.
var explosion = func() string {
	var lines strings.Builder
	lines.WriteString("    t0: &t0 x\n")
	for i := 1; i < 10; i++ {
		of := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*t%d, ", i-1), 10), ", ")
		fmt.Fprintf(&lines, "    t%d: &t%d [ %s ]\n", i, i, of)
	}
	return lines.String()
}()

func lookupIn(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

func parse(t *testing.T, text string) (*workflow.File, error) {
	t.Helper()
	return workflow.Parse([]byte(text), workflow.Options{LookupEnv: lookupIn(nil), Plugins: []string{t.TempDir()}})
}

func TestParseBadFiles(t *testing.T) {
	_, err := parse(t, good)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		// from and to change the good file.
		from, to string
		want     string
	}{
		"no YAML":                        {"bucket: copy", "bucket: [", "line 10: this is no YAML"},
		"too little indented":            {"  bucket: copy", " bucket: copy", "line 10: this is no YAML: did not find expected key"},
		"too much indented":              {"workflows:", " workflows:", "line 11: this is no YAML: did not find expected key"},
		"text after quotes":              {"bucket: copy", "bucket: \"co\"py", "line 10: this is no YAML: did not find expected key"},
		"quotes without end":             {"bucket: copy", "bucket: \"copy", "line 10: this is no YAML: found unexpected end of stream"},
		"tab":                            {"  bucket: copy", "\tbucket: copy", "line 10: this is no YAML: found a tab character"},
		"NUL":                            {"bucket: copy", "bucket: co\x00py", "line 10: this is no YAML: control characters are not allowed"},
		"Latin-1":                        {"bucket: copy", "bucket: c\xf6py", "line 10: this is not UTF-8"},
		"empty":                          {good, "", "line 1: the file is empty"},
		"nothing but a comment":          {good, "# sources:\n", "line 1: the file is empty"},
		"no mapping":                     {good, "- sources\n", "line 1: a mapping of keys to values was expected"},
		"two documents":                  {"workflows:", "---\nworkflows:", "line 12: a second document begins here"},
		"unknown anchor":                 {"bucket: copy", "bucket: *copy", "line 10: this is no YAML: unknown anchor 'copy' referenced"},
		"alias of itself":                {"bucket: copy", "tags: &tags\n    a: *tags", "line 11: alias *tags is part of what it stands for"},
		"merge of itself":                {"- name: foo\n", "- &foo\n  <<: *foo\n  name: foo\n", "line 3: alias *foo is part of what it stands for"},
		"aliases of aliases":             {"bucket: copy", "tags:\n" + explosion, "line 16: alias *t4: aliases stand for too many values"},
		"part given twice":               {"workflows:", "sources: []\nworkflows:", "line 11: key sources is given twice"},
		"source that is a text":          {"- name: foo\n", "- foo\n- name: foo\n", "line 2: a source was expected, with its name and further keys"},
		"key that is a list":             {"source: foo", "source: foo\n  [ a ]: b", "line 14: a key that is a text was expected"},
		"unknown part":                   {"workflows:", "workflow:", "line 11: unknown key workflow: sources, destinations and workflows were expected"},
		"workflows without any":          {"workflows:\n- name: foo-bar\n  source: foo\n  destinations:\n  - bar\n", "workflows: []\n", "line 11: there are no workflows"},
		"no workflows":                   {"workflows:\n- name: foo-bar\n  source: foo\n  destinations:\n  - bar\n", "", "line 1: there are no workflows"},
		"sources are no list":            {"- name: foo\n", "  name: foo\n", "line 2: sources: a list was expected"},
		"source without name":            {"- name: foo\n  type", "- type", "line 2: a source without a name"},
		"name is a number":               {"name: bar", "name: 7", "line 8: name: a text was expected: put 7 into quotes"},
		"two sources of one name":        {"destinations:\n- name: bar", "- name: foo\n  type: s3\n  bucket: other\ndestinations:\n- name: bar", "line 7: there are two sources called foo, the other one in line 2"},
		"two destinations of one name":   {"workflows:\n", "- name: bar\n  type: s3\n  bucket: other\nworkflows:\n", "line 11: there are two destinations called bar, the other one in line 8"},
		"two workflows of one name":      {"  - bar\n", "  - bar\n- name: foo-bar\n  source: foo\n  destinations: [ bar ]\n", "line 16: there are two workflows called foo-bar, the other one in line 12"},
		"key given twice":                {"bucket: source", "bucket: source\n  Bucket: source", "line 5: key Bucket is given twice"},
		"source without type":            {"  type: s3\n  bucket: source", "  bucket: source", "line 2: workflow foo-bar: source foo: type is missing"},
		"unknown type":                   {"type: s3\n  bucket: copy", "type: ftp\n  bucket: copy", `line 9: workflow foo-bar: destination bar: unknown type "ftp": it is none of s3`},
		"bucket is missing":              {"  bucket: copy\n", "", "line 8: workflow foo-bar: destination bar: bucket is missing"},
		"bucket is a number":             {"bucket: copy", "bucket: 0", "line 10: workflow foo-bar: destination bar: bucket: a text was expected: put 0 into quotes"},
		"unknown key of a source":        {"bucket: source", "bukket: x\n  bucket: source", "line 4: workflow foo-bar: source foo: unknown key bukket: a source of type s3 has endpoint, insecure,"},
		"interval at a source":           {"bucket: source", "interval: 5m\n  bucket: source", "line 4: workflow foo-bar: source foo: unknown key interval"},
		"insecure is no bool":            {"bucket: source", "bucket: source\n  insecure: maybe", "line 5: workflow foo-bar: source foo: insecure: true or false was expected"},
		"endpoint has a scheme":          {"bucket: source", "bucket: source\n  endpoint: http://localhost", "line 5: workflow foo-bar: source foo: endpoint: a host and port without a scheme was expected"},
		"option that there is not":       {"bucket: copy", "bucket: copy\n  overwrite: sometimes", "line 11: workflow foo-bar: destination bar: overwrite: "},
		"workflow without source":        {"  source: foo\n", "", "line 12: workflow foo-bar: source is missing"},
		"unknown source":                 {"source: foo", "source: fu", "line 13: workflow foo-bar: unknown source fu"},
		"unknown destination":            {"- bar\n", "- baz\n", "line 15: workflow foo-bar: unknown destination baz"},
		"destination listed twice":       {"  - bar\n", "  - bar\n  - bar\n", "line 16: workflow foo-bar: destination bar is listed twice"},
		"destinations are no list":       {"destinations:\n  - bar", "destinations: bar", "line 14: workflow foo-bar: destinations: a list was expected"},
		"no destinations":                {"destinations:\n  - bar", "destinations: []", "line 14: workflow foo-bar: destinations: at least one was expected"},
		"name that is no subject":        {"foo-bar", "foo.bar", "line 12: workflow foo.bar: the name becomes part of a subject"},
		"unknown key of a workflow":      {"  source: foo", "  cleanup: true\n  sorce: foo", "line 14: workflow foo-bar: unknown key sorce"},
		"interval without a unit":        {"source: foo", "source: foo\n  interval: 300", "line 14: workflow foo-bar: interval: 300 has no unit: a duration such as 300s was expected"},
		"interval that is no duration":   {"source: foo", "source: foo\n  interval: five", `line 14: workflow foo-bar: interval: "five" is no duration`},
		"batch size that is not whole":   {"source: foo", "source: foo\n  batchSize: 1.5", "line 14: workflow foo-bar: batchSize: a whole number was expected"},
		"batch size that is no number":   {"source: foo", "source: foo\n  batchSize: many", "line 14: workflow foo-bar: batchSize: a whole number was expected"},
		"concurrency below 0":            {"source: foo", "source: foo\n  concurrency: -1", "line 14: workflow foo-bar: concurrency: -1 is less than 0"},
		"clean-up that is no bool":       {"source: foo", "source: foo\n  cleanUp: 1", "line 14: workflow foo-bar: cleanUp: true or false was expected"},
		"webhook that is no URL":         {"source: foo", "source: foo\n  webhook: localhost", "line 14: workflow foo-bar: webhook: a URL such as http://localhost:8080 was expected"},
		"processor that there is not":    {"source: foo", "source: foo\n  processors:\n  - shred: {}", "line 15: workflow foo-bar: processors: "},
		"clean-up of what is left alone": {"source: foo", "source: foo\n  cleanUp: true\n  overwrite: never", "line 12: workflow foo-bar: clean_up with an output that has overwrite: never"},
		"variable that is not set":       {"bucket: source", "bucket: $NOT_THERE", "line 4: workflow foo-bar: source foo: variable NOT_THERE is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, good, tc.from)
			_, err := parse(t, strings.Replace(good, tc.from, tc.to, 1))
			require.Error(t, err)
			assert.Contains(t, "\n"+err.Error(), "\n"+tc.want)
			assert.NotContains(t, err.Error(), "planted")
		})
	}
}

// All that is wrong is told at once, in the order of the lines.
func TestParseAllProblems(t *testing.T) {
	text := strings.NewReplacer("bucket: source", "bucket: 1", "source: foo", "source: fu", "bucket: copy", "buckit: copy").Replace(good)
	file, err := parse(t, text)
	var problems workflow.Problems
	require.ErrorAs(t, err, &problems)
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	assert.Equal(t, []int{4, 8, 10, 13}, lines, "%v", err)
	assert.Equal(t, []string{"foo-bar"}, file.Skipped)
	assert.Empty(t, file.Workflows())
}

// A workflow that is wrong does not keep the others from being run, unless the file
// as a whole is.
func TestParseSkips(t *testing.T) {
	more := good + "- name: lost\n  source: nowhere\n  destinations: [ bar ]\n"
	file, err := parse(t, more)
	require.ErrorContains(t, err, "line 17: workflow lost: unknown source nowhere")
	assert.Equal(t, []string{"foo-bar"}, file.Workflows())
	assert.Equal(t, []string{"lost"}, file.Skipped)

	file, err = parse(t, good+"- name: foo-bar\n")
	require.Error(t, err)
	assert.Nil(t, file)
}

// A type that is not built in is a plugin, in whichever folder it is.
func TestParsePlugins(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(dirs[1], "ftp"), nil, 0o700))
	text := strings.Replace(good, "type: s3\n  bucket: copy", "type: ftp\n  host: localhost", 1)
	_, err := workflow.Parse([]byte(text), workflow.Options{Plugins: dirs[:1]})
	require.ErrorContains(t, err, `unknown type "ftp"`)
	assert.ErrorContains(t, err, dirs[0])
}
