package integration

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// queueCommand runs ingest queue, with nobody to ask, and returns what it prints.
func queueCommand(t *testing.T, args ...string) (stdout, stderr string, failed bool) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.Command(binary, append([]string{"queue"}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err != nil
}

// queuePrints runs ingest queue, which must work.
func queuePrints(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, failed := queueCommand(t, args...)
	require.Falsef(t, failed, "ingest queue %s: %s", strings.Join(args, " "), errs)
	return out
}

// queueRefuses runs ingest queue, which must fail with the text.
func queueRefuses(t *testing.T, says string, args ...string) {
	t.Helper()
	out, errs, failed := queueCommand(t, args...)
	assert.Truef(t, failed, "ingest queue %s: %s", strings.Join(args, " "), out)
	assert.Contains(t, errs, says)
}

func field[T any](t *testing.T, text, name string) T {
	t.Helper()
	var object map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &object))
	var value T
	require.NoError(t, json.Unmarshal(object[name], &value), "%s of %s", name, text)
	return value
}

// TestQueueCommands goes through the life of a queue with the command alone.
func TestQueueCommands(t *testing.T) {
	n := startNATS(t)
	pipeline := fmt.Sprintf(`
input: { ingest_queue: { urls: [ %q ], subject: %s, max_attempts: 2, backoff: { min: 50ms, max: 50ms } } }
output: { reject: "hopeless" }
`, n.url, subject)
	config := writeConfig(t, pipeline)
	flags := []string{"--url", n.url, "--subject", subject}

	for _, command := range []string{"info", "peek", "dead ls", "dead requeue --all", "purge --yes"} {
		queueRefuses(t, "stream ingest not found", append(strings.Fields(command), config)...)
	}
	assert.Contains(t, queuePrints(t, "ls", config), "has no queue")
	assert.Empty(t, streamNames(t, n), "who looks makes nothing")

	queuePrints(t, "create", config)
	assert.Len(t, streamNames(t, n), 3)
	q := openQueue(t, n)
	for _, id := range []string{"a/1", "a/2", "a/3"} {
		require.NoError(t, q.Publish(t.Context(), ingest.NewCodec(id, "name of "+id, nil), map[string]string{"Ingest-Size": "5"}))
	}
	assert.Regexp(t, `Subject +ingest\.wf\nMessages +3\n +pending +3\n`, queuePrints(t, append([]string{"info"}, flags...)...))
	info := queuePrints(t, "info", config, "--json")
	assert.Equal(t, 3, field[int](t, info, "messages"))
	assert.Equal(t, "ingest.wf", field[string](t, info, "subject"))
	assert.Equal(t, 3, field[int](t, queuePrints(t, "ls", "--url", n.url, "--json"), "messages"))
	assert.Regexp(t, `ingest +3 .* ingest\.wf +ingest__wf +3 +0\n`, queuePrints(t, "ls", config))
	peeked := queuePrints(t, append([]string{"peek", "-n", "2"}, flags...)...)
	assert.Regexp(t, `1 +pending +0 .* a/1 +name of a/1 +Ingest-Size: 5\n2 +pending`, peeked)
	assert.NotContains(t, peeked, "a/3")

	p := start(t, pipeline)
	require.Eventually(t, func() bool { return n.count(t, "ingest_dead") == 3 }, time.Minute, tick)
	p.stop()
	assert.Regexp(t, `a/2 +2 .*hopeless\n`, queuePrints(t, "dead", "ls", config))
	assert.Equal(t, 3, strings.Count(queuePrints(t, "dead", "ls", config, "--json"), "\n"))
	assert.Contains(t, queuePrints(t, "dead", "show", config, "a/2"), `Header    Ingest-Size: 5`)
	assert.Equal(t, "a/2", field[string](t, queuePrints(t, append([]string{"dead", "show", "a/2", "--json"}, flags...)...), "id"))
	queueRefuses(t, `dead letter "a/9": not found`, "dead", "show", config, "a/9")
	queueRefuses(t, "--all was expected", "dead", "requeue", config)
	missing, _, _ := queueCommand(t, "dead", "requeue", config, "a/9")
	assert.Empty(t, missing, "only the error is of interest")
	queueRefuses(t, `dead letter "a/9": not found`, "dead", "requeue", config, "a/9", "a/2")
	assert.Equal(t, 1, n.count(t, "ingest"), "one that is missing keeps nobody from the others")
	assert.Contains(t, queuePrints(t, "dead", "requeue", config, "--all"), "back into the queue: 2\n")
	assert.Zero(t, n.count(t, "ingest_dead"))

	queueRefuses(t, "would remove 3 messages", "purge", config)
	assert.Equal(t, 3, n.count(t, "ingest"))
	assert.Contains(t, queuePrints(t, "purge", config, "--yes"), "Removed: 3 messages")
	assert.Zero(t, n.count(t, "ingest"))
	assert.Contains(t, queuePrints(t, "purge", config, "--yes", "--dead"), "Nothing to remove")
}

func streamNames(t *testing.T, n *natsServer) (names []string) {
	t.Helper()
	lister := n.js.StreamNames(t.Context())
	for name := range lister.Name() {
		names = append(names, name)
	}
	require.NoError(t, lister.Err())
	return names
}

// TestQueueCommandErrors makes the mistakes and meets the servers that users do.
func TestQueueCommandErrors(t *testing.T) {
	n := startNATS(t)
	bare := startNATSWith(t, &server.Options{}, func(o *server.Options) { o.JetStream = false })
	several := writeConfig(t, fmt.Sprintf(`
input:
  broker:
    inputs:
      - ingest_queue: { urls: [ %[1]q ], subject: ingest.a }
      - resource: b
input_resources:
  - label: b
    ingest_queue: { urls: [ %[1]q ], subject: ingest.b }
output: { drop: {} }
`, n.url))
	folder := t.TempDir()
	pipeline := fmt.Sprintf("input: { ingest_queue: { store_dir: %q, subject: ingest.wf } }\noutput: { drop: {} }\n", folder)
	embedded := writeConfig(t, pipeline)
	queueRefuses(t, "field store_dir: queue not found in "+folder, "info", embedded)
	queuePrints(t, "create", embedded)
	queuePrints(t, "info", "--store-dir", folder, "--subject", "ingest.wf")
	start(t, pipeline)
	require.Eventually(t, func() bool {
		_, errs, _ := queueCommand(t, "info", embedded)
		return strings.Contains(errs, folder+" is in use by another process: stop that")
	}, time.Minute, tick)

	queuePrints(t, "create", several, "--subject", "ingest.b")
	assert.Equal(t, "ingest.b", field[string](t, queuePrints(t, "info", several, "--subject=ingest.b", "--json"), "subject"))
	for _, tc := range []struct{ says, args string }{
		{"choose one with --subject or --stream", "info " + several},
		{"has no such queue, but", "info --subject ingest.c " + several},
		{"which queue?", "info"},
		{"no such file", "info absent.yaml"},
		{"--subject is missing", "peek --url " + n.url},
		{"ingest queue peek has no flag --nonsense", "peek " + several + " --nonsense"},
		{"flag -n needs a value", "peek " + several + " -n"},
		{"at least 1 was expected", "peek " + several + " --subject ingest.b -n 0"},
		{`"extra" was not expected`, "ls " + several + " extra"},
		{"--creds goes with --url", "ls --creds x " + several},
		{"connecting to NATS at nats://127.0.0.1:1:", "ls --url nats://127.0.0.1:1"},
		{"has no JetStream", "ls --url " + bare.ClientURL()},
		{"exclude each other", "ls --store-dir x --url " + n.url},
		{"See ingest queue migrate --help", "migrate --nonsense " + several},
	} {
		out, errs, failed := queueCommand(t, strings.Fields(tc.args)...)
		assert.True(t, failed, tc.args)
		assert.Contains(t, out+errs, tc.says, tc.args)
	}
}

// TestMigrateKilled kills a migration on the way, again and again, and looks at what
// is in the two streams at the end.
func TestMigrateKilled(t *testing.T) {
	const elements, garbage = 20_000, 3
	n := startNATS(t)
	_, err := n.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ingest", Subjects: []string{"ingest.*"}, Retention: jetstream.InterestPolicy})
	require.NoError(t, err)
	_, err = n.js.CreateConsumer(t.Context(), "ingest", jetstream.ConsumerConfig{
		Durable: "ingest__wf", FilterSubject: subject, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 2 * time.Second,
	})
	require.NoError(t, err)
	put := func(data []byte) {
		_, err := n.js.PublishAsync(subject, data)
		require.NoError(t, err)
	}
	for i := range elements {
		codec := ingest.NewCodec(fmt.Sprintf("%05d", i), "name", []byte("meta"))
		data, err := codec.Marshal()
		require.NoError(t, err)
		put(data)
		if i%1000 == 0 {
			put(data) // the original queues twice what two scans find
		}
	}
	for i := range garbage {
		put(fmt.Appendf(nil, "garbage %d", i))
	}
	<-n.js.PublishAsyncComplete()

	same := writeConfig(t, fmt.Sprintf("input: { ingest_queue: { urls: [ %q ], subject: %s } }\noutput: { drop: {} }\n", n.url, subject))
	queueRefuses(t, "Set the field stream of both pipelines to another name", "migrate", same, "--from-stream", "ingest")
	config := writeConfig(t, fmt.Sprintf("input: { ingest_queue: { urls: [ %q ], subject: %s, stream: work } }\noutput: { drop: {} }\n", n.url, subject))
	queueRefuses(t, "consumer other of stream ingest", "migrate", config, "--from-stream", "ingest", "--from-consumer", "other")
	all := elements + elements/1000 + garbage
	assert.Contains(t, queuePrints(t, "migrate", config, "--from-stream", "ingest", "--dry-run"), fmt.Sprintf("%d messages would be moved: %d pending, 0 handed out", all, all))
	assert.Zero(t, n.count(t, "work"))
	assert.Equal(t, []string{"ingest"}, streamNames(t, n), "a dry run makes nothing")

	for kill := 1; kill <= 3; kill++ {
		p := startArgs(t, "", "queue", "migrate", config, "--from-stream", "ingest")
		require.Eventually(t, func() bool { return n.count(t, "work") > kill*1000 }, time.Minute, time.Millisecond)
		p.kill()
	}
	require.Less(t, n.count(t, "work"), elements, "it was killed on the way")
	queueRefuses(t, "stays in the old stream: unmarshalling codec", "migrate", config, "--from-stream", "ingest")

	seen := map[string]int{}
	eachMessage(t, n, "work", func(m *jetstream.RawStreamMsg) {
		var codec ingest.Codec
		require.NoError(t, codec.Unmarshal(m.Data))
		assert.Equal(t, "meta", string(codec.Meta))
		seen[codec.ID]++
	})
	assert.Equal(t, elements, len(seen), "none is lost")
	assert.Equal(t, elements, n.count(t, "work"), "each of them once")
	left := 0
	eachMessage(t, n, "ingest", func(m *jetstream.RawStreamMsg) {
		assert.Contains(t, string(m.Data), "garbage")
		left++
	})
	assert.Equal(t, garbage, left)
	_, err = n.js.Consumer(t.Context(), "ingest", "ingest__wf")
	require.NoError(t, err, "the consumer is left as it was")
}
