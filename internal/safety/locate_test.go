package safety

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLocate(t *testing.T) {
	enqueue := []byte("input:\n  ingest_s3: {}\noutput:\n  ingest_queue: {}\n")
	dequeue := []byte("output:\n  ingest_fan_out:\n    outputs:\n      - drop: {}\n      - ingest_s3:\n          bucket: b\n")
	files := map[string][]byte{"d/enqueue.yaml": enqueue, "d/dequeue.yaml": dequeue, "broken.yaml": []byte("\t")}
	const second = "failed to init output <no label> path root.output.ingest_fan_out.outputs.1: fields"
	for name, tc := range map[string]struct {
		files map[string][]byte
		text  string
		file  string
		line  int
	}{
		"a stream":          {files, "failed to create stream (dequeue): output 0: " + second, "d/dequeue.yaml", 5},
		"a run":             {map[string][]byte{"x.yml": dequeue}, "service closing due to: " + second, "x.yml", 5},
		"another stream":    {files, "failed to create stream (elsewhere): " + second, "", 0},
		"several files":     {map[string][]byte{"a/x.yaml": dequeue, "b/x.yaml": dequeue}, "failed to create stream (x): " + second, "", 0},
		"a path that is no": {files, "failed to create stream (enqueue): path root.output.kafka: no", "", 0},
		"no path":           {files, "it does not work", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f, ok := Locate(tc.files, tc.text)
			assert.Equal(t, tc.file != "", ok)
			assert.Equal(t, tc.file, f.File)
			assert.Equal(t, tc.line, f.Line)
		})
	}
}
