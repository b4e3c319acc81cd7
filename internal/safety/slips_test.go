package safety_test

import (
	"fmt"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/ingest-bundle/ingest/inputs"
	"github.com/ingest-bundle/ingest/internal/safety"
	_ "github.com/ingest-bundle/ingest/outputs"
)

func TestSlips(t *testing.T) {
	schema := service.GlobalEnvironment().FullConfigSchema("", "")
	for text, want := range map[string]string{
		"input:\n  ingest_queue: { subject: a, prefetch: 3, tls_handshake_first: true }\n":                         "[]",
		"input:\n  ingest_queue:\n    subject: a\n    max_attempts: two\n":                                         "[f(4,1) field max_attempts: a whole number was expected]",
		"output:\n  ingest_fan_out:\n    clean_up: ja\n    outputs: []\n":                                          "[f(3,1) field clean_up: true or false was expected]",
		"output:\n  ingest_fan_out:\n    outputs:\n      - drop: {}\n      - ingest_s3: { bucket: b, tags: 3 }\n":  "[f(5,1) field tags: true or false was expected]",
		"input:\n  ingest_queue:\n    subject: a\n    subject: b\n":                                                "[f(4,1) field subject is given twice, first in line 3]",
		"input:\n  generate: { count: 1 }\ninput:\n  generate: {}\n":                                               "[f(3,1) field input is given twice, first in line 1]",
		"output:\n  ingest_fan_out:\n    webhook:\n      url: http://a\n      required: often\n    outputs: []\n":  "[f(5,1) field webhook.required: true or false was expected]",
		"input:\n  ingest_s3: { bucket: b, recursive: &r maybe }\noutput:\n  ingest_s3: { bucket: b, tags: *r }\n": "[f(2,1) field recursive: true or false was expected f(2,1) field tags: true or false was expected]",
		"input:\n  ingest_queue:\n    subject: a\n    prefetch:\n":                                                 "[]",
	} {
		findings, err := safety.Slips(schema, "f", []byte(text))
		require.NoError(t, err, text)
		assert.Equal(t, want, fmt.Sprint(findings), text)
	}
	_, err := safety.Slips(schema, "f", []byte("a: ["))
	require.Error(t, err)
}
