package plugin

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConfig(t *testing.T) {
	c, err := parseConfig([]byte(`{"bucket":"b","n":9007199254740993,"f":0.5,"secure":true,"list":["a"],"in":{"x":"\u003c"}}`))
	require.NoError(t, err)
	assert.Equal(t, 9007199254740993, c["n"])
	assert.Equal(t, map[string]any{"x": "<"}, c["in"])
	var into struct {
		Bucket string
		N      int64
		F      float64
		Secure bool
		List   []string
		In     struct{ X string }
	}
	require.NoError(t, c.Decode(&into))
	assert.Equal(t, "b", into.Bucket)
	assert.Equal(t, int64(9007199254740993), into.N)
	assert.Equal(t, "<", into.In.X)

	require.ErrorContains(t, c.Decode(&struct{ Bucket string }{}), "unknown field")
	_, err = parseConfig([]byte(`["no map"]`))
	require.ErrorContains(t, err, "reading the configuration")
	c, err = parseConfig([]byte(`null`))
	require.NoError(t, err)
	require.NoError(t, c.Decode(&struct{}{}))
}

// The keys are those that go-plugin reads.
func TestLogFormat(t *testing.T) {
	var buf bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&buf, &slog.HandlerOptions{ReplaceAttr: hclogAttr}))
	log.Warn("something", "level", "mine", slog.Group("g", "msg", "x"))
	var line map[string]any
	require.NoError(t, json.Unmarshal(buf.Bytes(), &line))
	assert.Equal(t, "warn", line["@level"])
	assert.Equal(t, "something", line["@message"])
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$`, line["@timestamp"])
	assert.Equal(t, map[string]any{"msg": "x"}, line["g"])
}
