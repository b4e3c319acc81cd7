package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"
)

// DefaultBatchSize is the number of messages pulled from the queue at once
// where a caller does not say otherwise.
const DefaultBatchSize = 8

// MaxInlineMeta is the largest Meta, in bytes, that Marshal accepts: references
// travel through the queue, and only small content may travel whole.
const MaxInlineMeta = 256 << 10

// maxIdentifier bounds ID and Name, in bytes. S3 allows keys of 1,024 bytes;
// the room above it is for other systems' identifiers.
const maxIdentifier = 4 << 10

// Codec identifies one element of a source. It is what travels on the queue, as
// {"id":"…","name":"…","meta":"<base64>"}.
type Codec struct {
	// ID identifies the element in its source, byte for byte: for S3 the
	// whole key.
	ID string `json:"id"`
	// Name is what destinations store the element as, by default.
	Name string `json:"name"`
	// Meta is whatever the source needs beside the ID, or the whole of a
	// small content; at most MaxInlineMeta bytes.
	Meta []byte `json:"meta"`
}

// codecJSON is the wire form. Pointers tell a missing field from an empty one.
type codecJSON struct {
	ID   *string `json:"id"`
	Name *string `json:"name"`
	Meta []byte  `json:"meta"`
}

// NewCodec creates a Codec.
func NewCodec(id, name string, meta []byte) Codec {
	return Codec{ID: id, Name: name, Meta: meta}
}

// Validate reports why c cannot travel on the queue: an empty or overlong ID,
// an ID or Name that is not valid UTF-8 (JSON could not carry it byte for
// byte), or a Meta that is too large. The error is permanent.
func (c Codec) Validate() error {
	switch {
	case c.ID == "":
		return Permanent(errors.New("codec: id is empty"))
	case len(c.ID) > maxIdentifier:
		return Permanent(fmt.Errorf("codec: id has %d bytes, at most %d are allowed", len(c.ID), maxIdentifier))
	case len(c.Name) > maxIdentifier:
		return Permanent(fmt.Errorf("codec: name has %d bytes, at most %d are allowed", len(c.Name), maxIdentifier))
	case !utf8.ValidString(c.ID):
		return Permanent(fmt.Errorf("codec: id %q is not valid UTF-8", c.ID))
	case !utf8.ValidString(c.Name):
		return Permanent(fmt.Errorf("codec: name %q is not valid UTF-8", c.Name))
	case len(c.Meta) > MaxInlineMeta:
		return Permanent(fmt.Errorf("codec: meta of %q has %d bytes, at most %d are allowed", c.ID, len(c.Meta), MaxInlineMeta))
	}
	return nil
}

// Marshal returns the wire form of c. It fails where Validate does.
func (c Codec) Marshal() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	// Keys hold & and < often enough, and nobody reads this as HTML.
	enc.SetEscapeHTML(false)
	if err := enc.Encode(codecJSON{ID: &c.ID, Name: &c.Name, Meta: c.Meta}); err != nil {
		return nil, fmt.Errorf("marshalling codec: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}

// Unmarshal sets c from its wire form. Anything else (other JSON, unknown
// fields, trailing data, invalid UTF-8) is a permanent error, and c is left as
// it was.
func (c *Codec) Unmarshal(data []byte) error {
	// encoding/json would replace invalid bytes in silence, and so turn one
	// key into another.
	if !utf8.Valid(data) {
		return Permanent(errors.New("unmarshalling codec: not valid UTF-8"))
	}
	if hasLoneSurrogate(data) {
		return Permanent(errors.New("unmarshalling codec: an escaped surrogate is not one of a pair"))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var wire codecJSON
	if err := dec.Decode(&wire); err != nil {
		return Permanent(fmt.Errorf("unmarshalling codec: %w", err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Permanent(errors.New("unmarshalling codec: data after the object"))
	}
	if wire.ID == nil {
		return Permanent(errors.New("unmarshalling codec: field id is missing"))
	}
	if wire.Name == nil {
		return Permanent(errors.New("unmarshalling codec: field name is missing"))
	}
	parsed := Codec{ID: *wire.ID, Name: *wire.Name, Meta: wire.Meta}
	if err := parsed.Validate(); err != nil {
		return fmt.Errorf("unmarshalling codec: %w", err)
	}
	*c = parsed
	return nil
}

// escapes matches every escape in JSON: a pair of surrogates, a surrogate, and
// any other.
var escapes = regexp.MustCompile(`\\(?:(u[dD][89abAB]..\\u[dD][c-fC-F]..)|(u[dD][89a-fA-F])|.)`)

// hasLoneSurrogate reports whether an escape stands for half of a character.
// encoding/json would replace it in silence too.
func hasLoneSurrogate(data []byte) bool {
	if !bytes.ContainsRune(data, '\\') {
		return false
	}
	for _, m := range escapes.FindAllSubmatchIndex(data, -1) {
		if m[4] >= 0 {
			return true
		}
	}
	return false
}
