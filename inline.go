package ingest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // finds accidents, as everywhere
	"encoding/json"
	"errors"
	"fmt"
)

// MetaInline is the metadata key, and Ingest-Inline the header, that says that the
// content travels in the message: its length in bytes.
const MetaInline = "ingest_inline"

// ErrTooLarge says that a content is too large to travel in a message.
var ErrTooLarge = errors.New("too large to travel in a message")

// inlineForm is what the Meta of a Codec with content begins with: what the source
// says of the object. After the JSON, and a line feed, comes the content.
type inlineForm struct {
	Object
	// Reader, Tags and Range hide those of the object, which cannot travel.
	Reader *struct{} `json:",omitempty"`
	Tags   *struct{} `json:",omitempty"`
	Range  *struct{} `json:",omitempty"`
	// Tagged says that the object has tags, or may have some.
	Tagged bool `json:",omitempty"`
	// Sum is the MD5 of the content.
	Sum []byte
}

// WithContent returns a Codec that carries the content of obj whole. It fails with
// ErrTooLarge if the Meta has no room for it, or is in use by the source.
func (c Codec) WithContent(obj *Object, content []byte) (Codec, error) {
	if len(c.Meta) > 0 {
		return c, fmt.Errorf("%w: the source has a use for meta", ErrTooLarge)
	}
	sum := md5.Sum(content) //nolint:gosec // as above
	form, err := json.Marshal(inlineForm{Object: *obj.Describe(), Tagged: obj.Tags != nil, Sum: sum[:]})
	if err != nil {
		return c, fmt.Errorf("marshalling the description of %q: %w", c.ID, err)
	}
	meta := append(append(form, '\n'), content...)
	if len(meta) > MaxInlineMeta {
		return c, fmt.Errorf("%w: %d bytes with their description, at most %d are allowed", ErrTooLarge, len(meta), MaxInlineMeta)
	}
	c.Meta = meta
	return c, nil
}

// Content takes apart what WithContent put together: the Codec as it was before, and
// the object, whose MD5 is that of the content. It fails, permanently, if c carries no
// content, or one that was damaged.
func (c Codec) Content() (Codec, *Object, []byte, error) {
	reference := NewCodec(c.ID, c.Name, nil)
	head, content, found := bytes.Cut(c.Meta, []byte{'\n'})
	var form inlineForm
	if !found || json.Unmarshal(head, &form) != nil {
		return reference, nil, nil, Permanent(fmt.Errorf("the message of %q carries no content", c.ID))
	}
	sum := md5.Sum(content) //nolint:gosec // as above
	if !bytes.Equal(sum[:], form.Sum) {
		return reference, nil, nil, Permanent(fmt.Errorf("the content in the message of %q was damaged", c.ID))
	}
	obj := form.Object
	obj.Len, obj.MD5 = int64(len(content)), sum[:]
	if form.Tagged {
		obj.Tags = tagsElsewhere
	}
	return reference, &obj, content, nil
}

// tagsElsewhere stands for tags that only a Handle can fetch.
func tagsElsewhere(context.Context) (map[string]string, error) {
	return nil, errors.New("tags do not travel with the content")
}

// NewInlineHandle returns a Handle for an element whose content is here already. The
// version that obj describes is pinned, and Open never asks the source; Unchanged and
// CleanUp do.
func NewInlineHandle(client Client, codec Codec, obj *Object, content []byte) *Handle {
	h := NewHandle(client, codec)
	h.pin = obj.Describe()
	h.inline = func() *Object {
		o := *h.pin
		o.Reader = bytes.NewReader(content)
		return &o
	}
	if versioned, ok := client.(VersionedClient); ok && obj.Tags != nil {
		h.pin.Tags = func(ctx context.Context) (map[string]string, error) {
			return h.tagsOfPin(ctx, versioned)
		}
	}
	return h
}

// tagsOfPin asks the source for what did not travel.
func (h *Handle) tagsOfPin(ctx context.Context, client VersionedClient) (map[string]string, error) {
	now, err := client.Stat(ctx, h.codec)
	h.did("stat", err)
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking at source object %q: %w", h.codec.ID, err)
	case !h.pin.SameVersion(now):
		return nil, fmt.Errorf("source object %q: %w", h.codec.ID, ErrChanged)
	case now.Tags == nil:
		return nil, nil
	}
	return now.Tags(ctx)
}
