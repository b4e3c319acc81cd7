package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// awkward are keys as elements name them, and what becomes of them.
var awkward = []struct {
	name string
	// refused is part of the dead letter's error, by kind of server; a key
	// without it arrives byte for byte.
	refused map[string]string
}{
	{name: "with space"},
	{name: "  two  spaces "},
	{name: "ünïcödé/日本語/🙂"},
	{name: "a+b"},
	{name: "a%2Fb%00c"},
	{name: "q?x=1&y=2#z"},
	{name: `quote"back\slash`},
	{name: "<xml>&amp;"},
	{name: "semi;colon,comma:colon"},
	{name: "CON"},
	{name: "tab\there"},
	{name: strings.Repeat("s", 255)},
	{name: strings.Repeat(strings.Repeat("d", 200)+"/", 5) + strings.Repeat("e", 19)},
	{name: "a/b"},
	{name: "a//b", refused: everywhere("empty segment")},
	{name: "/leading", refused: everywhere("empty segment")},
	{name: "a/../b", refused: everywhere("segment ..")},
	{name: "../escape", refused: everywhere("segment ..")},
	{name: "./b", refused: everywhere("segment .")},
	{name: strings.Repeat("s", 256), refused: everywhere("256 bytes")},
	{name: strings.Repeat("k/", 520), refused: everywhere("1040 bytes")},
	{name: "nul\x00", refused: everywhere("NUL")},
	{name: "both"},
	{name: "both/child", refused: map[string]string{"versitygw": "ObjectParentIsFile"}},
	{name: "folder/", refused: map[string]string{"versitygw": "DirectoryObjectContainsData"}},
}

func everywhere(text string) map[string]string {
	return map[string]string{"minio": text, "versitygw": text}
}

// TestAwkwardKeys stores elements with names of every kind on every server: each
// arrives byte for byte or ends as a dead letter that names the reason, and none
// ends in the place of another.
func TestAwkwardKeys(t *testing.T) {
	for _, kind := range []string{"minio", "versitygw"} {
		t.Run(kind, func(t *testing.T) {
			source, dest, n := startMinIO(t), startS3(t, kind), startNATS(t)
			source.bucket("source")
			dest.bucket("copy")
			q := openQueue(t, n)
			for i, k := range awkward {
				o := object{key: fmt.Sprintf("source-%d", i), size: int64(100 + i)}
				putAll(t, source, "source", []object{o})
				require.NoError(t, q.Publish(t.Context(), ingest.NewCodec(o.key, k.name, nil), nil))
				if k.name == "both" {
					// Which of two that exclude each other comes first is not left to chance.
					p := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields("copy")}}.config(n))
					drained(t, n, time.Minute)
					p.stop()
				}
			}
			p := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields("copy")}, queue: ", max_attempts: 1"}.config(n))
			drained(t, n, time.Minute)
			p.stop()

			dead := deadLetters(t, q)
			for i, k := range awkward {
				source := object{key: fmt.Sprintf("source-%d", i), size: int64(100 + i)}
				if reason := k.refused[kind]; reason != "" {
					assert.Contains(t, dead[source.key], reason, "%q", k.name)
					delete(dead, source.key)
					continue
				}
				assert.NoError(t, compare(t.Context(), dest, "copy", k.name, source), "%q", k.name)
			}
			assert.Empty(t, dead, "dead letters that were not expected")
		})
	}
}

// TestKeysOfASource lists awkward keys from every server, byte for byte.
func TestKeysOfASource(t *testing.T) {
	for _, kind := range []string{"minio", "versitygw"} {
		t.Run(kind, func(t *testing.T) {
			source, n := startS3(t, kind), startNATS(t)
			source.bucket("source")
			want := map[string]bool{}
			for i, k := range awkward {
				if k.refused[kind] != "" || k.name == "both/child" {
					continue
				}
				o := object{key: "in/" + k.name, size: int64(i)}
				if len(o.key) > 1024 {
					continue
				}
				putAll(t, source, "source", []object{o})
				want[k.name] = true
			}
			scan(t, n, source.fields("source")+", prefix: in/")
			got := map[string]bool{}
			eachMessage(t, n, "ingest", func(msg *jetstream.RawStreamMsg) {
				var codec ingest.Codec
				require.NoError(t, codec.Unmarshal(msg.Data))
				assert.Equal(t, "in/"+codec.Name, codec.ID)
				got[codec.Name] = true
			})
			assert.Equal(t, want, got)
		})
	}
}

// TestMetafiles keeps a metafile for each object, mends it, and never lists it.
func TestMetafiles(t *testing.T) {
	source, dest, n := startMinIO(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	dest.bucket("copy")
	putAll(t, source, "source", small(3, "o"))
	config := dequeue{source: source.fields("source"), outputs: []string{dest.fields("copy") + ", metafiles_prefix: meta/"}}.config(n)
	for range 2 {
		scan(t, n, source.fields("source"))
		p := start(t, config)
		drained(t, n, time.Minute)
		p.stop()
		assert.Len(t, dest.keys("copy"), 6)
		assert.Zero(t, dest.keys("copy")["meta/o00001.done"].Size)
		// The next round finds one missing.
		require.NoError(t, dest.Client.RemoveObject(t.Context(), "copy", "meta/o00001.done", minio.RemoveObjectOptions{}))
	}
	scan(t, n, dest.fields("copy")+", metafiles_prefix: meta/")
	assert.Equal(t, 3, n.count(t, "ingest"))
}

// TestTagsAreCarried copies tags unless the output is told not to.
func TestTagsAreCarried(t *testing.T) {
	source, dest, n := startMinIO(t), startMinIO(t), startNATS(t)
	source.bucket("source")
	dest.bucket("with")
	dest.bucket("without")
	_, err := source.Client.PutObject(t.Context(), "source", "tagged", http.NoBody, 0, minio.PutObjectOptions{UserTags: map[string]string{"colour": "blue"}})
	require.NoError(t, err)
	scan(t, n, source.fields("source"))
	p := start(t, dequeue{source: source.fields("source"), outputs: []string{dest.fields("with"), dest.fields("without") + ", tags: false"}}.config(n))
	drained(t, n, time.Minute)
	p.stop()
	for bucket, want := range map[string]map[string]string{"with": {"colour": "blue"}, "without": {}} {
		tags, err := dest.GetObjectTagging(t.Context(), bucket, "tagged", minio.GetObjectTaggingOptions{})
		if err != nil {
			assert.Equal(t, "NoSuchTagSet", minio.ToErrorResponse(err).Code)
			continue
		}
		assert.Equal(t, want, tags.ToMap(), bucket)
	}
}
