package safety_test

import (
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/internal/safety"
)

func TestDoubts(t *testing.T) {
	other := func(config, is, instead string) string {
		require.Contains(t, config, is)
		return strings.Replace(config, is, instead, 1)
	}
	const elsewhere = `2(5,1) objects are fetched from s3://a:1/other/, but those that are queued for it are found in s3://a:1/b/in/ (1, line 2)`
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"one queue":           {map[string]string{"1": scanA, "2": moveA}, nil},
		"half of it":          {map[string]string{"1": scanA}, nil},
		"another half":        {map[string]string{"2": moveA}, nil},
		"two halves":          {map[string]string{"1": scanA, "2": other(moveA, "w.one", "w.two")}, []string{"1(4,1) nothing here takes from w.one in stream ingest at ", "nothing puts into w.two in stream ingest at ", "which 2 takes from (line 2)"}},
		"two folders":         {map[string]string{"1": scanA, "2": other(moveA, "w.one", "w.one, store_dir: /q")}, []string{"nothing puts into w.one in stream ingest at /q"}},
		"two streams":         {map[string]string{"1": scanA, "2": other(moveA, "w.one", "w.one, stream: s")}, []string{"nothing puts into w.one in stream s"}},
		"a server and none":   {map[string]string{"1": scanA, "2": other(moveA, "w.one", "w.one, urls: [ a ]")}, []string{"nothing puts into w.one in stream ingest on NATS servers"}},
		"one server":          {map[string]string{"1": other(scanA, "w.one", "w.one, urls: [ a ]"), "2": other(moveA, "w.one", "w.one, urls: [ b ]")}, nil},
		"beneath the subject": {map[string]string{"1": scanA, "2": other(moveA, "w.one", "w")}, nil},
		"like the subject":    {map[string]string{"1": scanA, "2": other(moveA, "w.one", "w.o")}, []string{"nothing puts into w.o "}},
		"subject not set":     {map[string]string{"1": scanA, "2": other(moveA, "w.one", `""`)}, nil},
		"one too many":        {map[string]string{"1": scanA, "2": moveA, "3": scanBeside}, nil},
		"fetched elsewhere":   {map[string]string{"1": scanA, "2": other(moveA, "bucket: b", "bucket: other")}, []string{elsewhere}},
		"fetched from one of": {map[string]string{"1": scanA, "2": other(moveA, "bucket: b", "bucket: other"), "3": other(scanA, "bucket: b", "bucket: other")}, nil},
		"fetched from a folder, found in another": {map[string]string{"1": scanFiles, "2": other(other(moveFilesBeside, "output:", "pipeline: { processors: [ ingest_files: { path: /data/others } ] }\noutput:"), "clean_up: true", "clean_up: false")},
			[]string{"objects are fetched from file:///data/others/, but those"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{}
			for file, text := range c.files {
				files[file] = []byte(text)
			}
			findings, err := safety.Doubts(service.GlobalEnvironment().FullConfigSchema("", ""), files)
			require.NoError(t, err)
			require.Len(t, findings, min(len(c.want), 1), "%v", findings)
			for _, want := range c.want {
				assert.Contains(t, findings[0].String(), want)
			}
		})
	}
	_, err := safety.Doubts(service.GlobalEnvironment().FullConfigSchema("", ""), map[string][]byte{"1": []byte("a: [")})
	require.Error(t, err)
}
