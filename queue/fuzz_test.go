package queue

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// wire writes headers as the client does.
func wire(h nats.Header) []byte {
	var b strings.Builder
	b.WriteString("NATS/1.0\r\n")
	for k, values := range h {
		for _, v := range values {
			b.WriteString(k + ": " + v + "\r\n")
		}
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// FuzzHeaders sends any metadata: what arrives is what was sent, under its own key,
// and forges no further header.
func FuzzHeaders(f *testing.F) {
	f.Add("0123456789abcdef-3", "text/plain; charset=utf-8")
	f.Add("a\r\nNats-Msg-Id: forged", "b\nIngest-Dead-Error: forged")
	f.Add(" spaces ", "\ttab")
	f.Add("", "\x7f")
	f.Add("ünï \xff", "a: b")
	f.Fuzz(func(t *testing.T, etag, mimeType string) {
		sent := map[string]string{ingest.MetaETag: etag, ingest.MetaContentType: mimeType}
		header := natsHeader(HeadersFromMeta(func(key string) (string, bool) {
			v, ok := sent[key]
			return v, ok
		}))
		arrived, err := nats.DecodeHeadersMsg(wire(header))
		require.NoError(t, err)
		require.Len(t, arrived, len(header))
		for k, v := range plainHeaders(arrived) {
			key, ok := MetaKey(k)
			require.True(t, ok)
			// White space at the beginning is no part of a header's value.
			require.Equal(t, strings.TrimLeft(sent[key], " \t"), v)
			require.Contains(t, sent, key)
		}
	})
}

// FuzzHostileHeaders reads any header block. Metadata is made of our own headers
// only, and a message that goes back to a queue takes along nothing that means
// something to a server, or to whoever reads dead letters.
func FuzzHostileHeaders(f *testing.F) {
	f.Add([]byte("NATS/1.0\r\nIngest-Size: 1\r\nNats-Msg-Id: x\r\nIngest-Dead-Subject: other\r\n\r\n"))
	f.Add([]byte("NATS/1.0\r\ningest-size: 1\r\nINGEST-SIZE: 2\r\nIngest-: 3\r\n\r\n"))
	f.Add([]byte("NATS/1.0 503 No Responders\r\n\r\n"))
	f.Add([]byte("NATS/1.0\r\nIngest-Size: 1\r\nIngest-Size: 2\r\n: empty\r\n\r\n"))
	f.Fuzz(func(t *testing.T, block []byte) {
		h, err := nats.DecodeHeadersMsg(block)
		if err != nil {
			return
		}
		for k := range plainHeaders(h) {
			if key, ok := MetaKey(k); ok {
				require.True(t, strings.HasPrefix(key, "ingest_"), key)
			}
		}
		for k, v := range published(h) {
			require.Equal(t, h[k], v)
			// Servers tell upper case from lower case, and so do we.
			require.False(t, strings.HasPrefix(k, "Nats-"), k)
			require.False(t, strings.HasPrefix(k, "Ingest-Dead-"), k)
		}
	})
}
