package queue

import (
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/ingest-bundle/ingest"
)

const headerPrefix = "Ingest-"

// described are the metadata keys that travel as headers.
var described = []string{ingest.MetaSize, ingest.MetaETag, ingest.MetaLastModified, ingest.MetaContentType, ingest.MetaInline,
	ingest.MetaAbsent, ingest.MetaOperation, ingest.MetaDeleteAt}

// HeadersFromMeta returns the headers for the metadata that says what a listing
// knew of an object: ingest_last_modified becomes Ingest-Last-Modified.
func HeadersFromMeta(get func(key string) (string, bool)) map[string]string {
	headers := map[string]string{}
	for _, key := range described {
		if v, ok := get(key); ok {
			headers[headerOf(key)] = v
		}
	}
	return headers
}

func headerOf(metaKey string) string {
	words := strings.Split(metaKey, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "-")
}

// MetaKey returns the metadata key for a header of ours.
func MetaKey(header string) (key string, ok bool) {
	if !strings.HasPrefix(header, headerPrefix) {
		return "", false
	}
	return strings.ReplaceAll(strings.ToLower(header), "-", "_"), true
}

// natsHeader keeps the values that a header can carry: a value with a control
// character could forge further headers, and none that we know of needs one.
func natsHeader(headers map[string]string) nats.Header {
	h := nats.Header{}
	for k, v := range headers {
		if v != "" && !strings.ContainsFunc(k+v, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			h.Set(k, v)
		}
	}
	return h
}

func plainHeaders(h nats.Header) map[string]string {
	headers := make(map[string]string, len(h))
	for k := range h {
		headers[k] = h.Get(k)
	}
	return headers
}

// published returns the headers that a message was published with, without those
// of the server and of a dead letter.
func published(h nats.Header) nats.Header {
	headers := nats.Header{}
	for k, v := range h {
		if !strings.HasPrefix(k, "Nats-") && !strings.HasPrefix(k, "Ingest-Dead-") {
			headers[k] = v
		}
	}
	return headers
}
