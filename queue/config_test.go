package queue

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"defaults":             {func(*Config) {}, ""},
		"subject of one word":  {func(c *Config) { c.Subject = "ingest" }, ""},
		"dashes":               {func(c *Config) { c.Subject = "ingest.foo_1-bar_1" }, ""},
		"never buries":         {func(c *Config) { c.MaxAttempts = 0 }, ""},
		"no subject":           {func(c *Config) { c.Subject, c.Consumer = "", "x" }, "field subject"},
		"wildcard":             {func(c *Config) { c.Subject = "ingest.*" }, "field subject"},
		"full wildcard":        {func(c *Config) { c.Subject = "ingest.>" }, "field subject"},
		"space":                {func(c *Config) { c.Subject = "ingest. x" }, "field subject"},
		"empty word":           {func(c *Config) { c.Subject = "ingest..x" }, "field subject"},
		"dot at the end":       {func(c *Config) { c.Subject = "ingest." }, "field subject"},
		"dot at the beginning": {func(c *Config) { c.Subject = ".ingest" }, "field subject"},
		"control character":    {func(c *Config) { c.Subject = "a\x01b" }, "field subject"},
		"stream with a dot":    {func(c *Config) { c.Stream = "a.b" }, "field stream"},
		"stream with a slash":  {func(c *Config) { c.Stream = "../b" }, "field stream"},
		"consumer with a dot":  {func(c *Config) { c.Consumer = "a.b" }, "field consumer"},
		"short ack_wait":       {func(c *Config) { c.AckWait = time.Second - 1 }, "field ack_wait"},
		"backoff reversed":     {func(c *Config) { c.BackoffMin, c.BackoffMax = 2, 1 }, "field backoff"},
		"small ack pending":    {func(c *Config) { c.Prefetch, c.MaxAckPending = 64, 127 }, "field max_ack_pending"},
		"enough ack pending":   {func(c *Config) { c.Prefetch, c.MaxAckPending = 64, 128 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Subject: "ingest.wf"}
			tc.change(&cfg)
			err := cfg.Validate()
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
			_, err = Open(testContext(t), cfg, nil)
			require.ErrorContains(t, err, tc.says, "nothing is opened with it")
		})
	}
}

func TestValidateNamesEverythingThatIsWrong(t *testing.T) {
	err := Config{Stream: "a b", Subject: "*", Consumer: "a.b"}.Validate()
	for _, field := range []string{"field stream", "field subject", "field consumer"} {
		assert.ErrorContains(t, err, field)
	}
}

func TestDefaults(t *testing.T) {
	cfg := Config{Subject: "ingest.foo_1-bar_1"}
	cfg.setDefaults()
	assert.Equal(t, "ingest", cfg.Stream)
	assert.Equal(t, "ingest__foo_1-bar_1", cfg.Consumer)
	assert.Equal(t, 30*time.Second, cfg.AckWait)
	assert.Equal(t, DefaultStoreDir, cfg.Server.StoreDir)
	assert.Greater(t, cfg.MaxAckPending, 100*cfg.Prefetch, "delayed retries count too")
}

func TestRedactURLs(t *testing.T) {
	shown := redactURLs([]string{"nats://user:secret@a:4222, nats://token@b:4222", "nats://c", "secret:://"})
	assert.Equal(t, "nats://a:4222,nats://b:4222,nats://c,(unreadable URL)", shown)
}
