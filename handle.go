package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Handle stands for a source's object between the processor that fetches it
// and the outputs that store it. It can be opened any number of times, by
// several outputs at once, and every one gets the same version: the first Open
// or Stat pins it. A Handle holds no connection and needs no closing.
type Handle struct {
	client Client
	codec  Codec
	// lock is a mutex that a cancelled context can leave.
	lock chan struct{}
	pin  *Object
	// inline opens the pinned version where the content is here already; else nil.
	inline func() *Object
	// listed is what the listing told of the element, or nil.
	listed *Object
	// observe may be nil.
	observe func(operation string, err error)
}

// NewHandle returns a Handle for the element. It opens nothing.
func NewHandle(client Client, codec Codec) *Handle {
	return &Handle{client: client, codec: codec, lock: make(chan struct{}, 1)}
}

// Observe makes f learn how every operation at the source ends: download, stat or
// cleanup. It must be called before the handle is used, and returns the handle.
func (h *Handle) Observe(f func(operation string, err error)) *Handle {
	h.observe = f
	return h
}

// Listed tells the handle how the listing described the element, for Unchanged. It
// must be called before the handle is used, and returns the handle.
func (h *Handle) Listed(as *Object) *Handle {
	h.listed = as
	return h
}

func (h *Handle) did(operation string, err error) {
	if h.observe != nil {
		h.observe(operation, err)
	}
}

// Codec returns what the handle stands for.
func (h *Handle) Codec() Codec { return h.codec }

// Copy returns h itself: all copies of a message share one pin.
func (h *Handle) Copy() any { return h }

// Location returns the URI of the source's object, or "" if the source does
// not tell.
func (h *Handle) Location() string {
	if l, ok := h.client.(Locator); ok {
		return l.Location(h.codec)
	}
	return ""
}

// Neighbour returns a Handle for another element of the same source.
func (h *Handle) Neighbour(codec Codec) *Handle { return NewHandle(h.client, codec) }

// TestConnection asks the source whether it is there, if it can tell.
func (h *Handle) TestConnection(ctx context.Context) error {
	if t, ok := h.client.(ConnectionTester); ok {
		return t.TestConnection(ctx)
	}
	return nil
}

// Open opens the pinned version, or pins the current one. The caller closes
// the Object. It fails with ErrChanged if the source has moved on, and with
// ErrNotFound if the object has vanished.
func (h *Handle) Open(ctx context.Context) (*Object, error) {
	pin, unlock, err := h.pinned(ctx)
	if err != nil {
		return nil, err
	}
	if pin != nil {
		unlock()
		return h.openPinned(ctx, pin)
	}
	defer unlock()
	obj, err := h.client.Download(ctx, h.codec)
	h.did("download", err)
	if err != nil {
		return nil, fmt.Errorf("opening source object %q: %w", h.codec.ID, err)
	}
	h.pin = obj.Describe()
	return obj, nil
}

func (h *Handle) openPinned(ctx context.Context, pin *Object) (*Object, error) {
	if h.inline != nil {
		return h.inline(), nil
	}
	var obj *Object
	var err error
	if versioned, ok := h.client.(VersionedClient); ok {
		obj, err = versioned.DownloadVersion(ctx, h.codec, pin)
	} else {
		obj, err = h.client.Download(ctx, h.codec)
	}
	h.did("download", err)
	if err != nil {
		return nil, fmt.Errorf("opening source object %q: %w", h.codec.ID, err)
	}
	if !pin.SameVersion(obj) {
		_ = obj.Close()
		return nil, fmt.Errorf("opening source object %q: %w", h.codec.ID, ErrChanged)
	}
	return obj, nil
}

// CopyTo has the destination copy the pinned version by itself, or pins the current
// one. It fails with errors.ErrUnsupported if the object must be opened and stored,
// and otherwise as Open does.
func (h *Handle) CopyTo(ctx context.Context, dest Copier, codec Codec) (*Stored, error) {
	if h.inline != nil || !dest.CanCopy(h.client) {
		return nil, errors.ErrUnsupported
	}
	obj, err := h.Stat(ctx)
	if err != nil {
		return nil, err
	}
	if obj == nil {
		return nil, errors.ErrUnsupported
	}
	return dest.Copy(ctx, h.client, h.codec, codec, *obj)
}

// Stat describes the pinned version, without a Reader. Where nothing is pinned
// yet it pins the current version, if the source can describe it without
// opening it; otherwise it returns nil.
func (h *Handle) Stat(ctx context.Context) (*Object, error) {
	pin, unlock, err := h.pinned(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	versioned, ok := h.client.(VersionedClient)
	if pin != nil || !ok {
		return pin, nil
	}
	obj, err := versioned.Stat(ctx, h.codec)
	h.did("stat", err)
	if err != nil {
		return nil, fmt.Errorf("looking at source object %q: %w", h.codec.ID, err)
	}
	h.pin = obj.Describe()
	return h.pin, nil
}

// Unchanged looks at the source once more, unless the pinned version is the one that
// was listed: a scan that sees another one queues it behind this. It returns nil if
// the pinned version is still the current one, if the object is gone, if nothing was
// pinned, or if the source cannot tell; and ErrChanged if there is a newer version.
func (h *Handle) Unchanged(ctx context.Context) error {
	known, err := h.asListed(ctx)
	if known || err != nil {
		return err
	}
	pin, now, err := h.lookAgain(ctx)
	if err == nil && now != nil && !pin.SameVersion(now) {
		return fmt.Errorf("source object %q: %w", h.codec.ID, ErrChanged)
	}
	return err
}

// asListed reports whether the pinned version is the one that the listing told of.
func (h *Handle) asListed(ctx context.Context) (bool, error) {
	pin, unlock, err := h.pinned(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	return pin != nil && h.listed != nil && pin.KnownSameVersion(h.listed), nil
}

// Untouched looks at the source once more after the object was stored somewhere
// else. It fails with ErrPermanent if that has given the object at the source a
// new time: then the two are one, under two names.
func (h *Handle) Untouched(ctx context.Context) error {
	pin, now, err := h.lookAgain(ctx)
	if err == nil && now != nil && pin.SameVersion(now) && !pin.ModTime.Equal(now.ModTime) {
		return Permanent(fmt.Errorf("source object %q changed when its copy was stored: the destination is the source itself, under another name of its server", h.codec.ID))
	}
	return err
}

// lookAgain returns the pinned version and the current one, which is nil if it is
// gone, if nothing was pinned, or if the source cannot tell.
func (h *Handle) lookAgain(ctx context.Context) (pin, now *Object, err error) {
	pin, unlock, err := h.pinned(ctx)
	if err != nil {
		return nil, nil, err
	}
	unlock()
	versioned, ok := h.client.(VersionedClient)
	if pin == nil || !ok {
		return pin, nil, nil
	}
	now, err = versioned.Stat(ctx, h.codec)
	if errors.Is(err, ErrNotFound) {
		return pin, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("looking at source object %q once more: %w", h.codec.ID, err)
	}
	return pin, now, nil
}

// CleanUp removes the pinned version from the source, and only that: it fails
// with ErrChanged if the source has moved on. An object that is gone is no
// error. Without a pinned version nothing was copied, and CleanUp refuses.
func (h *Handle) CleanUp(ctx context.Context) error {
	pin, unlock, err := h.pinned(ctx)
	if err != nil {
		return err
	}
	unlock()
	if pin == nil {
		return Permanent(fmt.Errorf("cleaning up source object %q: no version of it was opened", h.codec.ID))
	}
	if versioned, ok := h.client.(VersionedClient); ok {
		err = versioned.CleanUpVersion(ctx, h.codec, pin)
	} else {
		err = h.client.CleanUp(ctx, h.codec)
	}
	h.did("cleanup", err)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("cleaning up source object %q: %w", h.codec.ID, err)
	}
	return nil
}

// pinned returns the pin and the function that releases the lock on it.
func (h *Handle) pinned(ctx context.Context) (*Object, func(), error) {
	select {
	case h.lock <- struct{}{}:
		return h.pin, func() { <-h.lock }, nil
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

// attachmentKey is kept out of headers and user metadata by its prefix.
const attachmentKey = "_ingest_handle"

type attachment struct {
	handle  *Handle
	content bool
}

// Copy returns a itself: an attachment never changes.
func (a *attachment) Copy() any { return a }

// Attach makes msg carry the handle. The message's bytes are not the content.
func Attach(msg *service.Message, h *Handle) {
	msg.MetaSetImmut(attachmentKey, &attachment{handle: h})
}

// AttachContent makes msg carry the handle, and says that the message's bytes
// are the object's content, or what the processors that follow make of it.
func AttachContent(msg *service.Message, h *Handle) {
	msg.MetaSetImmut(attachmentKey, &attachment{handle: h, content: true})
}

// HandleOf returns the handle that msg carries.
func HandleOf(msg *service.Message) (*Handle, bool) {
	v, _ := msg.MetaGetImmut(attachmentKey)
	if a, ok := v.(*attachment); ok {
		return a.handle, true
	}
	return nil, false
}

// HasContent reports whether the message's bytes are content to be stored, as
// AttachContent said.
func HasContent(msg *service.Message) bool {
	v, _ := msg.MetaGetImmut(attachmentKey)
	a, ok := v.(*attachment)
	return ok && a.content
}
