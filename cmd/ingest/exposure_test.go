package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// httpOf parses what a configuration says of the HTTP service.
func httpOf(t *testing.T, yaml string) *service.ParsedConfig {
	t.Helper()
	spec := service.NewConfigSpec().Field(service.NewObjectField("http",
		service.NewStringField("address").Default("127.0.0.1:4195"),
		service.NewBoolField("enabled").Default(true),
		service.NewBoolField("debug_endpoints").Default(false),
		service.NewObjectField("basic_auth", service.NewBoolField("enabled").Default(false)),
	))
	conf, err := spec.ParseYAML(yaml, nil)
	require.NoError(t, err)
	return conf
}

func TestServiceBeyondThisMachine(t *testing.T) {
	const outside = "http: { address: '0.0.0.0:4195'"
	for name, tc := range map[string]struct {
		yaml string
		api  bool
		// refused is a part of the error, and warned says that there is a warning.
		refused string
		warned  bool
	}{
		"default":                       {"{}", true, "", false},
		"metrics":                       {outside + " }", false, "", true},
		"API":                           {outside + " }", true, "--no-api", false},
		"debug endpoints":               {outside + ", debug_endpoints: true }", false, "debug_endpoints", false},
		"API with a password":           {outside + ", basic_auth: { enabled: true } }", true, "", false},
		"API that is not there":         {outside + ", enabled: false }", true, "", false},
		"debug endpoints on this one":   {"http: { address: 'localhost:1', debug_endpoints: true }", true, "", false},
		"debug endpoints with password": {outside + ", debug_endpoints: true, basic_auth: { enabled: true } }", false, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			var warnings bytes.Buffer
			err := guardService(tc.api, &warnings)(httpOf(t, tc.yaml))
			if tc.refused == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.refused)
			}
			assert.Equal(t, tc.warned, warnings.Len() > 0, warnings.String())
		})
	}
}

func TestIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:4195": true, "127.1.2.3:1": true, "[::1]:1": true, "localhost:1": true,
		"0.0.0.0:4195": false, ":4195": false, "[::]:1": false, "10.0.0.1:1": false, "localhost.example.com:1": false, "127.0.0.1": false,
	} {
		assert.Equal(t, want, isLoopback(address), address)
	}
}

func TestHugeConfigurationsAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.yaml")
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, file.Truncate(1<<30))
	require.NoError(t, file.Close())
	_, err = readConfig(path)
	require.ErrorIs(t, err, errConfigTooLarge)
	for _, command := range []string{"run", "streams", "lint"} {
		line, err := readCommandLine([]string{"ingest", command, path})
		require.NoError(t, err)
		findings := findDangers(line)
		require.Len(t, findings, 1, command)
		assert.Equal(t, errConfigTooLarge.Error(), findings[0].Text)
	}
	_, err = configFiles([]string{path})
	require.ErrorIs(t, err, errConfigTooLarge)
	_, err = queuesOfPipeline(path)
	require.ErrorIs(t, err, errConfigTooLarge)
}
