package queue

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

func TestPermanentFailureIsBuriedAtOnce(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	require.NoError(t, q.Publish(testContext(t), element("a"), map[string]string{"Ingest-Size": "5"}))
	d := pop(t, s)
	require.NoError(t, d.Fail(testContext(t), ingest.Permanent(errors.New("no\r\nuse"))))

	assert.Zero(t, messages(t, q, "ingest"))
	dead := deadLetters(t, q)
	require.Len(t, dead, 1)
	assert.Equal(t, "no use", dead[0].Error, "on one line, so that it forges no header")
	assert.Equal(t, 1, dead[0].Attempts)
	assert.Equal(t, d.Data(), dead[0].Data)
	assert.Equal(t, elementSubject("ingest.wf", "a"), dead[0].Subject)
	assert.WithinDuration(t, time.Now(), dead[0].At, time.Minute)
	require.NoError(t, q.Publish(testContext(t), element("a"), nil), "the element can be queued again")
}

func TestDeadLettersOfNobody(t *testing.T) {
	q := open(t, testConfig(t))
	assert.Empty(t, deadLetters(t, q), "there is no stream of them yet")
	subscribe(t, q)
	assert.Empty(t, deadLetters(t, q))
}

func bury(t *testing.T, q *Queue, s *Subscription, ids ...string) {
	t.Helper()
	for _, id := range ids {
		publish(t, q, id)
		require.NoError(t, pop(t, s).Fail(testContext(t), ingest.Permanent(errors.New("no "+id))))
	}
}

func TestDeadLettersAreOnePerElementInOrder(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	bury(t, q, s, "a", "b", "a")
	dead := deadLetters(t, q)
	require.Len(t, dead, 2)
	assert.Equal(t, "no b", dead[0].Error)
	assert.Equal(t, "no a", dead[1].Error)

	stop := errors.New("enough")
	seen := 0
	require.ErrorIs(t, q.DeadLetters(testContext(t), func(*DeadLetter) error { seen++; return stop }), stop)
	assert.Equal(t, 1, seen)
}

func TestDeadLettersAreThoseOfTheWorkflow(t *testing.T) {
	cfg := testConfig(t)
	q := open(t, cfg)
	bury(t, q, subscribe(t, q), "a")
	cfg.Subject = "ingest.other"
	other := open(t, cfg)
	bury(t, other, subscribe(t, other), "b")
	require.Len(t, deadLetters(t, q), 1)
	require.Len(t, deadLetters(t, other), 1)
	assert.Equal(t, "no b", deadLetters(t, other)[0].Error)
}

func TestRequeue(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	require.NoError(t, q.Publish(testContext(t), element("a"), map[string]string{"Ingest-Size": "5"}))
	for range 3 {
		require.NoError(t, pop(t, s).Fail(testContext(t), errors.New("broken")))
	}
	dead := deadLetters(t, q)
	require.Len(t, dead, 1)
	require.NoError(t, q.Requeue(testContext(t), dead[0]))
	assert.Empty(t, deadLetters(t, q))
	require.NoError(t, q.Requeue(testContext(t), dead[0]), "what is queued already is only removed")

	d := pop(t, s)
	assert.Equal(t, 1, attempt(t, d), "with a fresh count")
	assert.Equal(t, map[string]string{"Ingest-Size": "5"}, d.Headers(), "what it died of does not travel on")
	require.NoError(t, d.Fail(testContext(t), ingest.Permanent(errors.New("again"))))
	require.Len(t, deadLetters(t, q), 1, "it is not taken for the earlier one")
}

// Another client may publish anything beneath the subject.
func TestGarbageIsBuriedUnderASubjectOfItsOwn(t *testing.T) {
	q := open(t, testConfig(t))
	s := subscribe(t, q)
	for _, subject := range []string{"ingest.wf.x", "ingest.wf.y"} {
		_, err := q.conn.js.PublishMsg(testContext(t), &nats.Msg{Subject: subject, Data: []byte("\xffgarbage")})
		require.NoError(t, err)
		require.NoError(t, pop(t, s).Fail(testContext(t), ingest.Permanent(errors.New("no element"))))
	}
	dead := deadLetters(t, q)
	require.Len(t, dead, 2)
	assert.Equal(t, "\xffgarbage", string(dead[0].Data))
	assert.Equal(t, "ingest.wf.x", dead[0].Subject)
}

func TestOneLine(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"plain":    {"a b", "a b"},
		"lines":    {"a\r\n\tb\x00c", "a b c"},
		"long":     {strings.Repeat("x", maxErrorText+1), strings.Repeat("x", maxErrorText) + "…"},
		"cut rune": {strings.Repeat("x", maxErrorText-1) + "é", strings.Repeat("x", maxErrorText-1) + "…"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, oneLine(tc.text)) })
	}
}
