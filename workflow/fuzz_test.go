package workflow_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/ingest-bundle/ingest/workflow"
)

// planted is the value of every variable. Comments of pipelines name workflows,
// sources and destinations, which may be variables.
const planted = "planted-value"

var comment = regexp.MustCompile(`(?m)^#.*$`)

// FuzzParse reads any file. Each problem is in one of its lines, and workflows that
// are sound become pipelines that are YAML, and hold no variable's value unless
// something is named after it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	for _, file := range []string{"readme.yaml", "variables.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(strings.Replace(good, "planted", "${A:b}$C", 1)))
	f.Add([]byte(strings.Replace(good, "source\n", "[ *a ]\n", 1)))
	f.Add([]byte("sources: &a [ *a ]\n"))
	f.Add([]byte("\uE000A\uE001"))
	lookup := func(string) (string, bool) { return planted, true }
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte(planted)) {
			return
		}
		file, err := workflow.Parse(text, workflow.Options{LookupEnv: lookup})
		if err != nil {
			var problems workflow.Problems
			require.True(t, errors.As(err, &problems))
			lines := 1 + bytes.Count(text, []byte("\n"))
			for _, p := range problems {
				require.Positive(t, p.Line, p.Text)
				require.LessOrEqual(t, p.Line, lines, p.Text)
			}
		}
		if file == nil {
			require.Error(t, err)
			return
		}
		for _, secrets := range []workflow.Secrets{workflow.Masked, workflow.Hidden} {
			pipelines, _ := file.Compile(workflow.All, defaults, secrets)
			require.Len(t, pipelines, 2*len(file.Workflows()))
			for _, p := range pipelines {
				var any yaml.Node
				require.NoError(t, yaml.Unmarshal(p.Text, &any), string(p.Text))
				if named := bytes.Join(comment.FindAll(p.Text, -1), nil); !bytes.Contains(named, []byte(planted)) {
					require.NotContains(t, string(p.Text), planted)
				}
			}
		}
	})
}
