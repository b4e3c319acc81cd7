package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xeipuuv/gojsonschema"
	"gopkg.in/yaml.v3"
)

// TestDocsSchema holds the examples against the JSON schema that editors are told
// to use. It is a loose one: that of a component applies only as a hint.
func TestDocsSchema(t *testing.T) {
	text, err := schema().MarshalJSONSchema()
	require.NoError(t, err)
	compiled, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(text))
	require.NoError(t, err)
	problems := func(config string) []gojsonschema.ResultError {
		t.Helper()
		var document any
		require.NoError(t, yaml.Unmarshal([]byte(config), &document))
		asJSON, err := json.Marshal(document)
		require.NoError(t, err)
		result, err := compiled.Validate(gojsonschema.NewBytesLoader(asJSON))
		require.NoError(t, err)
		return result.Errors()
	}
	examples := 0
	for _, path := range documents(t, ".yaml") {
		if strings.HasPrefix(path, "config/examples/") {
			assert.Empty(t, problems(readDocument(t, path)), path)
			examples++
		}
	}
	assert.Positive(t, examples)
	assert.NotEmpty(t, problems("http: { listen: 0.0.0.0:4195 }"), "the schema takes everything")
}
