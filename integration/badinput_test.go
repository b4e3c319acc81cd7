package integration

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBadInputEndsTheRun shows set-ups with which a run cannot go on: it says why
// within ten seconds, and exits with a failure.
func TestBadInputEndsTheRun(t *testing.T) {
	source, n := startMinIO(t), startNATS(t)
	source.bucket("source")
	fields := source.fields("source")
	queue := fmt.Sprintf("ingest_queue: { urls: [ %q ], subject: %s }", n.url, subject)
	cases := map[string]struct{ input, output, says string }{
		"wrong secret":         {input: "ingest_s3: { " + strings.Replace(fields, secretKey, "wrong-secret", 1) + " }", says: "SignatureDoesNotMatch"},
		"wrong key":            {input: "ingest_s3: { " + strings.Replace(fields, "access_key_id: "+accessKey, "access_key_id: nobody", 1) + " }", says: "InvalidAccessKeyId"},
		"wrong bucket":         {input: "ingest_s3: { " + source.fields("nowhere") + " }", says: `there is no bucket \"nowhere\" at ` + source.endpoint},
		"unknown field":        {input: "ingest_s3: { " + fields + ", buckett: x }", says: "field buckett not recognised"},
		"bad interval":         {input: "ingest_s3: { " + fields + ", interval: five }", says: "a duration such as 300s was expected"},
		"endpoint with scheme": {input: `ingest_s3: { endpoint: "http://localhost:9000", bucket: source }`, says: "for plain HTTP set insecure: true"},
		"half credentials":     {input: "ingest_s3: { bucket: source, access_key_id: a }", says: "access_key_id"},
		"bad subject":          {input: "generate: { mapping: root = 1 }", output: "ingest_queue: { subject: 'a b' }", says: "a subject of words separated by dots"},
		"never and clean-up":   {input: queue, output: "ingest_fan_out: { clean_up: true, outputs: [ { ingest_s3: { bucket: b12, overwrite: never } } ] }", says: "clean_up with an output that has overwrite: never"},
		"bad bucket name":      {input: `ingest_s3: { bucket: "No_Bucket" }`, says: "bucket"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.output == "" {
				c.output = queue
			}
			begun := time.Now()
			p := start(t, "input:\n  "+c.input+"\noutput:\n  "+c.output+"\n")
			assert.NotZero(t, p.wait(20*time.Second))
			assert.Less(t, time.Since(begun), 10*time.Second)
			assert.Contains(t, p.logs.String(), c.says)
			assert.NotContains(t, p.logs.String(), "wrong-secret")
		})
	}
}

// TestBadInputThatMayBeMended shows set-ups that somebody may mend while the run
// waits: it says what is wrong within ten seconds, and loses nothing.
func TestBadInputThatMayBeMended(t *testing.T) {
	source, n := startMinIO(t), startNATS(t)
	source.bucket("source")
	putAll(t, source, "source", small(3, "o"))
	scan(t, n, source.fields("source"))
	nobody := freeAddress(t)
	dequeueInto := func(output string) string {
		return dequeue{source: source.fields("source"), outputs: []string{output}, queue: ", max_attempts: 1"}.config(n)
	}
	cases := map[string]struct{ config, says string }{
		"destination without bucket":    {dequeueInto(source.fields("nowhere")), `there is no bucket \"nowhere\" at ` + source.endpoint},
		"destination with wrong key":    {dequeueInto(strings.Replace(source.fields("source"), secretKey, "wrong-secret", 1)), "SignatureDoesNotMatch"},
		"destination that is not there": {dequeueInto(source.fields("source", nobody)), nobody},
		"source that is not there":      {enqueueConfig(n, source.fields("source", nobody)), nobody},
		"queue that is not there":       {strings.Replace(enqueueConfig(n, source.fields("source")), n.url, "nats://"+nobody, 1), "connecting to NATS at nats://" + nobody},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := start(t, c.config)
			require.Eventually(t, func() bool { return strings.Contains(p.logs.String(), c.says) }, 10*time.Second, tick)
			p.kill()
			assert.Equal(t, 3, n.count(t, "ingest"))
			assert.Zero(t, n.count(t, "ingest_dead"))
			assert.NotContains(t, p.logs.String(), "wrong-secret")
		})
	}
}

// TestLint finds what needs no connection, with the line.
func TestLint(t *testing.T) {
	config := writeConfig(t, `input:
  ingest_s3:
    endpoint: https://s3.example.com
    bucket: source
    interval: five
output:
  ingest_fan_out:
    outputs: [ { ingest_s3: { bucket: copy, part_size: 1 } } ]
    web_hook: {}
`)
	out, err := exec.Command(binary, "lint", config).CombinedOutput()
	require.Error(t, err)
	for _, lint := range []string{"(3,1) ", "(5,1) ", "(8,1) ", "(9,1) field web_hook not recognised"} {
		assert.Contains(t, string(out), "pipeline.yaml"+lint)
	}
}

// TestDangersAreRefused finds what no component can see by itself.
func TestDangersAreRefused(t *testing.T) {
	enqueue := writeConfig(t, "input:\n  ingest_s3: { bucket: bucket-a, prefix: in/ }\noutput:\n  ingest_queue: { subject: w }\n")
	inside := writeConfig(t, "input:\n  ingest_queue: { subject: w }\noutput:\n  ingest_s3: { bucket: bucket-a, prefix: in/copies/ }\n")
	both := writeConfig(t, "input:\n  ingest_s3: { bucket: bucket-a }\noutput:\n  ingest_s3: { bucket: bucket-a, prefix: copies/ }\n")
	for _, args := range [][]string{{"streams", enqueue, inside}, {"run", both}, {"lint", both}} {
		out, err := exec.Command(binary, args...).CombinedOutput()
		require.Error(t, err)
		assert.Contains(t, string(out), "pipeline.yaml(4,1) the destination s3://s3.amazonaws.com/bucket-a/")
		assert.Contains(t, string(out), "is inside its own source")
	}
}

// TestStandardTooling runs the commands of Benthos with our components.
func TestStandardTooling(t *testing.T) {
	for _, args := range [][]string{
		{"list"},
		{"list", "--format", "jsonschema"},
		{"create", "ingest_s3/ingest_s3/ingest_fan_out"},
		{"blobl", "--help"},
		{"streams", "--help"},
		{"test", "--help"},
		{"template", "lint", "../templates/..."},
		{"--version"},
		{"queue", "--help"},
	} {
		out, err := exec.Command(binary, args...).CombinedOutput()
		assert.NoError(t, err, "ingest %s: %s", strings.Join(args, " "), out)
	}
	created, err := exec.Command(binary, "create", "ingest_s3/ingest_s3/ingest_fan_out").Output()
	require.NoError(t, err)
	assert.Contains(t, string(created), "ingest_fan_out:")
}
