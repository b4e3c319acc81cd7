package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// The metadata keys that say what a listing or a look at the source knew of an
// object. On the queue they travel as headers, Ingest-Size and so on.
const (
	MetaID           = "ingest_id"
	MetaName         = "ingest_name"
	MetaSize         = "ingest_size"
	MetaETag         = "ingest_etag"
	MetaLastModified = "ingest_last_modified"
	MetaContentType  = "ingest_content_type"
	// MetaDeliveries is how often the queue has delivered the message, and
	// MetaAttempt the number of failed attempts so far, plus one.
	MetaDeliveries = "ingest_deliveries"
	MetaAttempt    = "ingest_attempt"
	// MetaAbsent lists the destinations that were seen to hold nothing under the
	// element's name: an AbsenceToken for each, with commas between.
	MetaAbsent = "ingest_absent"
	// MetaOperation says what an element is for, if not to be moved:
	// OperationDelete. MetaDeleteAt then lists the destinations that were seen to
	// hold it, as MetaAbsent does.
	MetaOperation = "ingest_operation"
	MetaDeleteAt  = "ingest_delete_at"
)

// OperationDelete says, in MetaOperation, that the source was seen to have the element
// no longer, so that it may be deleted at destinations, once the source has said so
// itself.
const OperationDelete = "delete"

// IsDeletion reports whether metadata, given by a lookup function such as a message's
// MetaGet, is that of an element that may be deleted.
func IsDeletion(get func(key string) (string, bool)) bool {
	operation, _ := get(MetaOperation)
	return operation == OperationDelete
}

// AbsenceToken stands, in MetaAbsent and MetaDeleteAt, for a destination at which
// Locator.Location returns the location for the element.
func AbsenceToken(location string) string {
	sum := sha256.Sum256([]byte(location))
	return hex.EncodeToString(sum[:8])
}

// ObjectMetadata returns what is known of the object as metadata: sizes in
// bytes, times as RFC 3339. What is not known is left out.
func ObjectMetadata(o *Object) map[string]string {
	m := map[string]string{}
	if o.Len >= 0 {
		m[MetaSize] = strconv.FormatInt(o.Len, 10)
	}
	if o.ETag != "" {
		m[MetaETag] = o.ETag
	}
	if !o.ModTime.IsZero() {
		m[MetaLastModified] = o.ModTime.UTC().Format(time.RFC3339Nano)
	}
	if o.MimeType != "" {
		m[MetaContentType] = o.MimeType
	}
	return m
}

// ObjectFromMetadata is the reverse of ObjectMetadata, for a lookup function
// such as a message's MetaGet.
func ObjectFromMetadata(get func(key string) (string, bool)) *Object {
	o := &Object{Len: -1}
	if v, ok := get(MetaSize); ok {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			o.Len = n
		}
	}
	o.ETag, _ = get(MetaETag)
	o.MimeType, _ = get(MetaContentType)
	if v, ok := get(MetaLastModified); ok {
		o.ModTime, _ = time.Parse(time.RFC3339Nano, v)
	}
	return o
}
