package queue

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestPublishOncePerElement(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	ctx := testContext(t)
	again := func() error { return q.Publish(ctx, element("a"), nil) }

	publish(t, q, "a")
	require.ErrorIs(t, again(), ingest.ErrAlreadyQueued, "pending")
	publish(t, q, "b")
	d := pop(t, s)
	require.NoError(t, pop(t, s).Ack(ctx))
	require.ErrorIs(t, again(), ingest.ErrAlreadyQueued, "in flight")

	require.NoError(t, d.Fail(ctx, ingest.ErrChanged))
	require.ErrorIs(t, again(), ingest.ErrAlreadyQueued, "given back")

	require.NoError(t, pop(t, s).Ack(ctx))
	require.NoError(t, again(), "after the ack, at once")
}

func TestPublishBeforeThereIsAConsumer(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	publish(t, q, "a")
	require.NoError(t, q.Close())
	s := subscribe(t, open(t, cfg))
	publish(t, s.q, "b")
	assert.Equal(t, "a", idOf(t, pop(t, s)))
	assert.Equal(t, "b", idOf(t, pop(t, s)))
}

func TestPublishRefusesWhatCannotBeRead(t *testing.T) {
	q := open(t, testConfig(t))
	err := q.Publish(testContext(t), ingest.NewCodec("", "", nil), nil)
	assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
	assert.Zero(t, messages(t, q, "ingest"))
}

// A full stream that is read as "already queued" would lose elements.
func TestPublishWaitsWhileTheStreamIsFull(t *testing.T) {
	for name, limit := range map[string]func(*Config){
		"messages": func(c *Config) { c.MaxMsgs = 2 },
		"bytes":    func(c *Config) { c.MaxBytes = 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			limit(&cfg)
			q := open(t, cfg)
			s := subscribe(t, q)
			// The ids are as long as makes two messages reach the bytes.
			pad := strings.Repeat("x", 120)
			publish(t, q, "a"+pad, "b"+pad)

			short, cancel := context.WithTimeout(t.Context(), 3*fullRetry)
			defer cancel()
			err := q.Publish(short, element("c"+pad), nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, ingest.ErrAlreadyQueued)
			require.ErrorContains(t, err, "full")

			published := make(chan error, 1)
			go func() { published <- q.Publish(testContext(t), element("c"+pad), nil) }()
			require.Never(t, func() bool { return len(published) > 0 }, 2*fullRetry, fullRetry/5, "it goes on only when there is room")
			require.NoError(t, pop(t, s).Ack(testContext(t)))
			require.NoError(t, <-published)
			assert.EqualValues(t, 2, messages(t, q, "ingest"))
		})
	}
}

func TestFullAndTakenAreToldApart(t *testing.T) {
	api := func(code jetstream.ErrorCode, text string) error {
		return &jetstream.APIError{Code: 503, ErrorCode: code, Description: text}
	}
	for name, tc := range map[string]struct {
		err         error
		taken, full bool
	}{
		"subject":     {api(10077, "maximum messages per subject exceeded"), true, false},
		"messages":    {api(10077, "maximum messages exceeded"), false, true},
		"bytes":       {api(10077, "maximum bytes exceeded"), false, true},
		"other text":  {api(10077, "something else"), false, false},
		"other code":  {api(10078, "maximum messages per subject exceeded"), false, false},
		"other error": {context.Canceled, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.taken, isSubjectTaken(tc.err))
			assert.Equal(t, tc.full, isFull(tc.err))
		})
	}
}

func TestHeadersTravel(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	meta := map[string]string{
		ingest.MetaSize:         "5",
		ingest.MetaETag:         "0f",
		ingest.MetaLastModified: time.Unix(1e9, 0).UTC().Format(time.RFC3339Nano),
		ingest.MetaContentType:  "text/plain",
		"ingest_secret":         "not described",
		"other":                 "neither",
	}
	headers := HeadersFromMeta(func(k string) (string, bool) { v, ok := meta[k]; return v, ok })
	assert.Equal(t, map[string]string{
		"Ingest-Size": "5", "Ingest-Etag": "0f", "Ingest-Last-Modified": "2001-09-09T01:46:40Z", "Ingest-Content-Type": "text/plain",
	}, headers)
	require.NoError(t, q.Publish(testContext(t), element("a"), headers))
	assert.Equal(t, headers, pop(t, s).Headers())
	for header := range headers {
		key, ok := MetaKey(header)
		assert.True(t, ok)
		assert.Equal(t, meta[key], headers[header])
	}
	_, ok := MetaKey("Nats-Msg-Id")
	assert.False(t, ok)
}

func TestHeadersWithControlCharactersAreDropped(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	require.NoError(t, q.Publish(testContext(t), element("a"), map[string]string{
		"Ingest-Etag":         "x\r\nNats-Msg-Id: forged",
		"Ingest-Content-Type": "a\x00b",
		"Ingest-X\nY":         "1",
		"Ingest-Y":            "\x7f",
		"Ingest-Empty":        "",
		"Ingest-Size":         "5",
		"Ingest-Name":         "é ü",
	}))
	assert.Equal(t, map[string]string{"Ingest-Size": "5", "Ingest-Name": "é ü"}, pop(t, s).Headers())
}

// Of two that add their subjects at once, the later can write what the earlier had not
// yet added to.
func TestPublishAfterTheSubjectWasLost(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	ctx := testContext(t)
	publish(t, q, "a")
	lost := q.work.CachedInfo().Config
	lost.Subjects = []string{"another.>"}
	_, err := q.conn.js.UpdateStream(ctx, lost)
	require.NoError(t, err)

	publish(t, q, "b", "c")
	stream, err := q.conn.js.Stream(ctx, cfg.Stream)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"another.>", cfg.Subject + ".>"}, stream.CachedInfo().Config.Subjects)
	s := subscribe(t, q)
	for range 3 {
		require.NoError(t, pop(t, s).Ack(ctx))
	}
}
