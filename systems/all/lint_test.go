package all_test

import (
	"fmt"
	"strings"
	"testing"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/ingest-bundle/ingest/systems/all"
)

// views returns the components of the bundle, by kind and name.
func views() map[string]*service.ConfigView {
	found := map[string]*service.ConfigView{}
	collect := func(kind string) func(string, *service.ConfigView) {
		return func(name string, view *service.ConfigView) {
			if strings.HasPrefix(name, "ingest_") {
				found[kind+" "+name] = view
			}
		}
	}
	env := service.GlobalEnvironment()
	env.WalkInputs(collect("input"))
	env.WalkProcessors(collect("processor"))
	env.WalkOutputs(collect("output"))
	return found
}

func TestEveryExampleLints(t *testing.T) {
	linter := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().SetSkipEnvVarCheck(true)
	all := views()
	for _, name := range []string{"input ingest_queue", "output ingest_queue", "output ingest_fan_out", "input ingest_s3", "processor ingest_s3", "output ingest_s3", "input ingest_files", "processor ingest_files", "output ingest_files", "output ingest_drive"} {
		require.Contains(t, all, name)
	}
	for name, view := range all {
		data, err := view.TemplateData()
		require.NoError(t, err)
		assert.NotEmpty(t, data.Examples, "%s has no example", name)
		for _, e := range data.Examples {
			t.Run(name+"/"+e.Title, func(t *testing.T) {
				lints, err := linter.LintYAML([]byte(e.Config))
				require.NoError(t, err)
				assert.Empty(t, lints)
			})
		}
	}
}

func TestEveryComponentIsDocumented(t *testing.T) {
	for name, view := range views() {
		t.Run(name, func(t *testing.T) {
			assert.NotEmpty(t, view.Summary())
			data, err := view.TemplateData()
			require.NoError(t, err)
			for _, f := range data.Fields {
				assert.NotEmpty(t, f.Description, "field %s", f.FullName)
			}
		})
	}
}

// lintCase is a field of a component, and what linting says about it: nothing where
// that is empty.
type lintCase struct {
	kinds      []string
	more, says string
}

var everywhere = []string{"input", "processor", "output"}

// lintAll lints the fields, beside what a component must have.
func lintAll(t *testing.T, component, must string, cases map[string]lintCase) {
	t.Helper()
	linter := service.GlobalEnvironment().NewComponentConfigLinter()
	lints := map[string]func([]byte) ([]service.Lint, error){
		"input": linter.LintInputYAML, "processor": linter.LintProcessorYAML, "output": linter.LintOutputYAML,
	}
	for name, tc := range cases {
		for _, kind := range tc.kinds {
			t.Run(kind+", "+name, func(t *testing.T) {
				found, err := lints[kind]([]byte(component + ":\n  " + must + "\n  " + tc.more + "\n"))
				require.NoError(t, err)
				if tc.says == "" {
					assert.Empty(t, found)
					return
				}
				require.NotEmpty(t, found)
				assert.Contains(t, fmt.Sprint(found), tc.says)
			})
		}
	}
}

func TestLintS3(t *testing.T) {
	lintAll(t, "ingest_s3", "bucket: b-1", map[string]lintCase{
		"defaults":            {everywhere, "", ""},
		"scheme":              {everywhere, "endpoint: http://localhost:9000", "without a scheme"},
		"path":                {everywhere, "endpoint: localhost/x", "a host and port was expected"},
		"variable not set":    {everywhere, "endpoint: ''", ""},
		"unknown":             {everywhere, "accesskey: x", "accesskey"},
		"addressing":          {everywhere, "addressing_style: dns", "dns"},
		"interval":            {[]string{"input"}, "interval: often", "a duration such as"},
		"input's alone":       {[]string{"processor", "output"}, "interval: 5m", "interval"},
		"operation":           {[]string{"processor"}, "operation: upload", "upload"},
		"max_bytes":           {[]string{"processor"}, "max_bytes: 0", "at least 1"},
		"small parts":         {[]string{"output"}, "part_size: 5242879", "a size from 5242880"},
		"large parts":         {[]string{"output"}, "part_size: 5368709121", "a size from 5242880"},
		"smallest parts":      {[]string{"output"}, "part_size: 5242880", ""},
		"no parallel parts":   {[]string{"output"}, "parallel_parts: 0", "at least 1"},
		"overwrite":           {[]string{"output"}, "overwrite: sometimes", "sometimes"},
		"checksum":            {[]string{"output"}, "checksum: sha1", "sha1"},
		"unsafe keys refused": {[]string{"output"}, "unsafe_keys: refuse", ""},
	})
}

func TestLintFiles(t *testing.T) {
	lintAll(t, "ingest_files", "path: /data", map[string]lintCase{
		"defaults":         {everywhere, "", ""},
		"unknown":          {everywhere, "folder: x", "folder"},
		"patterns":         {[]string{"input"}, "include: [ '**/*.csv' ]", ""},
		"settle":           {[]string{"input"}, "settle: 30m", ""},
		"input's alone":    {[]string{"processor", "output"}, "settle: 30m", "settle"},
		"mode":             {[]string{"output"}, "file_mode: '0640'", ""},
		"mode that is not": {[]string{"output"}, "folder_mode: rwx", "permissions in octal"},
		"absolute prefix":  {[]string{"output"}, "prefix: /in", "without a slash before it"},
	})
}

func TestLintDrive(t *testing.T) {
	output := []string{"output"}
	lintAll(t, "ingest_drive", "folder_id: x", map[string]lintCase{
		"defaults":         {output, "", ""},
		"path":             {output, "folder: /backups/2026/", ""},
		"nameless folder":  {output, "folder: backups//2026", "a folder without a name"},
		"unknown":          {output, "apikey: x", "apikey"},
		"small chunks":     {output, "chunk_size: 1024", "a multiple of 262144"},
		"uneven chunks":    {output, "chunk_size: 300000", "a multiple of 262144"},
		"smallest chunks":  {output, "chunk_size: 262144", ""},
		"no memory":        {output, "chunk_memory: 0", "at least 1"},
		"no URL":           {output, "endpoint: localhost:8080", "a URL such as"},
		"URL":              {output, "endpoint: http://localhost:8080/", ""},
		"variable not set": {output, "endpoint: ''", ""},
		"overwrite":        {output, "overwrite: sometimes", "sometimes"},
	})
}
