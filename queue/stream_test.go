package queue

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func streamConfig(t *testing.T, q *Queue, name string) jetstream.StreamConfig {
	t.Helper()
	s, err := q.conn.js.Stream(testContext(t), name)
	require.NoError(t, err)
	return s.CachedInfo().Config
}

func TestProvisionNew(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxMsgs, cfg.MaxBytes = 100, 1<<20
	q := open(t, cfg)
	have := streamConfig(t, q, "ingest")
	assert.Equal(t, []string{"ingest.wf.>"}, have.Subjects)
	assert.Equal(t, jetstream.WorkQueuePolicy, have.Retention)
	assert.Equal(t, jetstream.DiscardNew, have.Discard)
	assert.True(t, have.DiscardNewPerSubject)
	assert.EqualValues(t, 1, have.MaxMsgsPerSubject)
	assert.EqualValues(t, 100, have.MaxMsgs)
	assert.EqualValues(t, 1<<20, have.MaxBytes)
	assert.Equal(t, jetstream.FileStorage, have.Storage)
	assert.Zero(t, have.MaxAge)

	subscribe(t, q)
	dead := streamConfig(t, q, "ingest_dead")
	assert.Equal(t, []string{"dead.ingest.>"}, dead.Subjects)
	assert.EqualValues(t, 1, dead.MaxMsgsPerSubject)
	assert.Equal(t, 24*time.Hour, dead.Duplicates)
}

func TestProvisionExistingCompatible(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	publish(t, q, "a")
	before := streamConfig(t, q, "ingest")
	again := open(t, cfg)
	assert.Equal(t, before, streamConfig(t, again, "ingest"))
	assert.EqualValues(t, 1, messages(t, again, "ingest"), "what is queued stays")
}

func TestProvisionKeepsWhatItWasNotAskedToChange(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxMsgs = 100
	q := open(t, cfg)
	cfg.MaxMsgs = 0
	open(t, cfg)
	assert.EqualValues(t, 100, streamConfig(t, q, "ingest").MaxMsgs)
	cfg.MaxMsgs = 200
	open(t, cfg)
	assert.EqualValues(t, 200, streamConfig(t, q, "ingest").MaxMsgs)
}

func TestProvisionAddsASubject(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	publish(t, q, "a")
	cfg.Subject = "ingest.other"
	other := open(t, cfg)
	assert.ElementsMatch(t, []string{"ingest.wf.>", "ingest.other.>"}, streamConfig(t, q, "ingest").Subjects)
	publish(t, other, "a")
	assert.EqualValues(t, 2, messages(t, q, "ingest"), "an element is queued once in each workflow")
}

func TestProvisionWiderSubjectReplacesNarrower(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	publish(t, q, "a")
	cfg.Subject = "ingest"
	open(t, cfg)
	assert.Equal(t, []string{"ingest.>"}, streamConfig(t, q, "ingest").Subjects)
	assert.EqualValues(t, 1, messages(t, q, "ingest"))
	cfg.Subject = "ingest.third"
	open(t, cfg)
	assert.Equal(t, []string{"ingest.>"}, streamConfig(t, q, "ingest").Subjects, "it is covered already")
}

func TestProvisionRefusesDangerousStreams(t *testing.T) {
	base := func() jetstream.StreamConfig {
		cfg := Config{Stream: "foreign", Subject: "foreign.wf"}
		return cfg.streamConfig()
	}
	for name, tc := range map[string]struct {
		change func(*jetstream.StreamConfig)
		says   string
	}{
		"interest policy": {func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }, "retention is Interest and must be WorkQueue"},
		"limits policy":   {func(c *jetstream.StreamConfig) { c.Retention = jetstream.LimitsPolicy }, "retention is Limits and must be WorkQueue"},
		"discards old": {func(c *jetstream.StreamConfig) {
			c.Discard, c.DiscardNewPerSubject = jetstream.DiscardOld, false
		}, "discard is DiscardOld and must be DiscardNew"},
		"expires":           {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "max_age is 1h0m0s and must be 0s"},
		"many an element":   {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 2 }, "max_msgs_per_subject is 2 and must be 1"},
		"refuses only full": {func(c *jetstream.StreamConfig) { c.DiscardNewPerSubject = false }, "discard_new_per_subject is false and must be true"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			q := open(t, cfg)
			foreign := base()
			tc.change(&foreign)
			_, err := q.conn.js.CreateStream(testContext(t), foreign)
			require.NoError(t, err)

			cfg.Stream, cfg.Subject = "foreign", "foreign.wf"
			_, err = Open(testContext(t), cfg, nil)
			require.ErrorContains(t, err, tc.says)
			require.ErrorContains(t, err, "nats stream rm foreign", "it says what to do")
			require.ErrorContains(t, TestConnection(testContext(t), cfg, nil), tc.says)
			after := streamConfig(t, q, "foreign")
			assert.Equal(t, foreign.Retention, after.Retention, "nothing was changed")
		})
	}
}

func TestConnectionTestProvisionsNothing(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	cfg.Stream, cfg.Subject = "absent", "absent.wf"
	require.NoError(t, TestConnection(testContext(t), cfg, nil))
	_, err := q.conn.js.Stream(testContext(t), "absent")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}

func TestCovers(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"a.>", "a.>", true},
		{"a.>", "a.b", true},
		{"a.>", "a.b.>", true},
		{">", "a.>", true},
		{"a.*", "a.b", true},
		{"a.*", "a.*", true},
		{"*.b", "a.b", true},
		{"a", "a", true},
		{"a.*.>", "a.b.>", true},

		{"a.>", "a", false},
		{"a.b.>", "a.>", false},
		{"a.*", "a.>", false},
		{"a.b", "a.*", false},
		{"a", "a.b", false},
		{"a.b", "a", false},
		{"a.b.>", "a.bc.>", false},
		{"a.*.>", "a.>", false},
	} {
		assert.Equal(t, tc.want, covers(tc.a, tc.b), "%s covers %s", tc.a, tc.b)
	}
}

func TestElementSubject(t *testing.T) {
	// The SHA-256 of "a", as sha256sum prints it.
	const a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
	assert.Equal(t, "ingest.wf."+a, elementSubject("ingest.wf", "a"))
	assert.NotEqual(t, elementSubject("ingest.wf", "a/b"), elementSubject("ingest.wf", "a//b"))
}
