package safety_test

import (
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	"github.com/ingest-bundle/ingest/internal/safety"
	_ "github.com/ingest-bundle/ingest/systems/drive"
	_ "github.com/ingest-bundle/ingest/systems/files"
	_ "github.com/ingest-bundle/ingest/systems/s3"
)

const (
	scanA = `input:
  ingest_s3: { endpoint: "a:1", bucket: b, prefix: in/ }
output:
  ingest_queue: { subject: w.one }
`
	moveA = `input:
  ingest_queue: { subject: w.one }
pipeline:
  processors:
    - ingest_s3: { endpoint: "a:1", bucket: b }
output:
  ingest_fan_out:
    clean_up: true
    outputs:
      - ingest_s3: { endpoint: "a:1", bucket: b, prefix: out/ }
`
	moveInside = `input:
  ingest_queue: { subject: w.one }
output:
  ingest_s3: { endpoint: "a:1", bucket: b, prefix: in/copies/ }
`
	moveElsewhere = `input:
  ingest_queue: { subject: w.one }
output:
  ingest_s3: { endpoint: "a:2", bucket: b, prefix: in/copies/ }
`
	moveByKey = `input:
  ingest_queue: { subject: w.one }
output:
  ingest_s3: { endpoint: "a:1", bucket: b, prefix: in/, key: '${! metadata("ingest_id") }.gz' }
`
	scanOverlap = `input:
  ingest_s3: { endpoint: "a:1", bucket: b, prefix: in/part/ }
output:
  ingest_queue: { subject: w.two }
`
	scanBeside = `input:
  ingest_s3: { endpoint: "a:1", bucket: b, prefix: other/ }
output:
  ingest_queue: { subject: w.two }
`
	direct = `input:
  ingest_s3: { bucket: b }
pipeline:
  processors:
    - ingest_s3: { bucket: b }
output:
  ingest_s3: { bucket: b, prefix: copies/ }
`
	scanFiles = `input:
  ingest_files: { path: /data/in }
output:
  ingest_queue: { subject: w.files }
`
	moveFilesInside = `input:
  ingest_queue: { subject: w.files }
output:
  ingest_files: { path: /data/../data, prefix: in/copies/ }
`
	moveFilesBeside = `input:
  ingest_queue: { subject: w.files }
output:
  ingest_fan_out:
    clean_up: true
    outputs:
      - ingest_files: { path: /data/in-copies }
`
	scanFilesOverlap = `input:
  ingest_files: { path: /data }
output:
  ingest_queue: { subject: w.two }
`
	splitAndClean = `input:
  ingest_s3: { bucket: b }
pipeline:
  processors:
    - split: { size: 10 }
    - switch:
        - processors:
            - group_by:
                - check: "true"
            - group_by_value: { value: x }
output:
  ingest_fan_out: { clean_up: true, outputs: [] }
`
	scanCompared = `input:
  ingest_s3: { endpoint: "a:1", bucket: b, prefix: in/, delete: true, destinations: [ { endpoint: "a:1", bucket: b, prefix: out/ } ] }
output:
  ingest_queue: { subject: w.one }
`
	moveCompared = `input:
  ingest_queue: { subject: w.one }
output:
  ingest_fan_out:
    outputs:
      - ingest_s3: { endpoint: "A:1", bucket: b, prefix: out/ }
`
	moveBeyond = moveCompared + `      - ingest_s3: { endpoint: "a:1", bucket: c }
      - ingest_drive: { folder_id: x }
      - ingest_s3: { endpoint: "a:1", bucket: b, prefix: out/, key: x }
      - ingest_s3: { bucket: "" }
`
	moveAndRemove = `input:
  ingest_queue: { subject: w.one }
pipeline:
  processors:
    - ingest_s3: { endpoint: "a:1", bucket: b, operation: clean_up }
output:
  ingest_s3: { endpoint: "a:1", bucket: b, prefix: out/ }
`
	unset = `input:
  ingest_s3: { bucket: "" }
output:
  broker:
    outputs:
      - ingest_s3: { bucket: "" }
      - ingest_files: { path: "" }
`
)

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"beside the source":        {map[string]string{"1": scanA, "2": moveA}, nil},
		"inside its own source":    {map[string]string{"1": scanA, "2": moveInside}, []string{"2(4,1) the destination s3://a:1/b/in/copies/ is inside its own source s3://a:1/b/in/"}},
		"on another server":        {map[string]string{"1": scanA, "2": moveElsewhere}, nil},
		"under a key of its own":   {map[string]string{"1": scanA, "2": moveByKey}, nil},
		"in one file":              {map[string]string{"1": direct}, []string{"1(7,1) the destination s3://s3.amazonaws.com/b/copies/ is inside"}},
		"cut and cleaned up":       {map[string]string{"1": splitAndClean}, []string{"1(5,1) split makes several batches of one, and clean_up would remove", "1(8,1) group_by ", "1(10,1) group_by_value "}},
		"cut, from our queue":      {map[string]string{"1": strings.Replace(splitAndClean, "ingest_s3: { bucket: b }", "ingest_queue: { subject: w.one }", 1)}, nil},
		"cut and kept":             {map[string]string{"1": strings.Replace(splitAndClean, "clean_up: true", "clean_up: false", 1)}, nil},
		"variables not set":        {map[string]string{"1": unset}, nil},
		"two clean one source":     {map[string]string{"1": scanA, "2": moveA, "3": scanOverlap}, []string{"3(2,1) s3://a:1/b/in/part/ is the source of two workflows, w.one and w.two"}},
		"two with their own":       {map[string]string{"1": scanA, "2": moveA, "3": scanBeside}, nil},
		"folder inside its source": {map[string]string{"1": scanFiles, "2": moveFilesInside}, []string{"2(4,1) the destination file:///data/in/copies/ is inside its own source file:///data/in/"}},
		"folder beside its source": {map[string]string{"1": scanFiles, "2": moveFilesBeside}, nil},
		"two clean one folder":     {map[string]string{"1": scanFiles, "2": moveFilesBeside, "3": scanFilesOverlap}, []string{"3(2,1) file:///data/ is the source of two workflows, w.files and w.two"}},
		"compared and deleted":     {map[string]string{"1": scanCompared, "2": moveCompared}, nil},
		"deleted and cleaned up":   {map[string]string{"1": scanCompared, "2": moveA}, []string{"1(2,1) delete would delete the only copies"}},
		"deleted and removed":      {map[string]string{"1": scanCompared, "2": moveAndRemove}, []string{"1(2,1) delete would delete the only copies"}},
		"compared, cleaned up":     {map[string]string{"1": strings.Replace(scanCompared, "delete: true, ", "", 1), "2": moveA}, nil},
		"beyond the comparison": {map[string]string{"1": scanCompared, "2": moveBeyond}, []string{
			"2(7,1) s3://a:1/c/ is not among the destinations that the scan is compared with (1, line 2)", "2(8,1) ingest_drive is not among", "2(9,1) ingest_s3 stores under a key of its own"}},
		"not compared":              {map[string]string{"1": scanA, "2": moveBeyond}, nil},
		"two that clean up nothing": {map[string]string{"1": scanA, "3": scanOverlap}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{}
			for file, text := range c.files {
				files[file] = []byte(text)
			}
			findings, err := safety.Check(service.GlobalEnvironment().FullConfigSchema("", ""), files)
			require.NoError(t, err)
			require.Len(t, findings, len(c.want), "%v", findings)
			for i, want := range c.want {
				assert.Contains(t, findings[i].String(), want)
			}
		})
	}
}

func TestCheckOfWhatIsNoYAML(t *testing.T) {
	_, err := safety.Check(service.GlobalEnvironment().FullConfigSchema("", ""), map[string][]byte{"1": []byte("a: [")})
	require.Error(t, err)
}
