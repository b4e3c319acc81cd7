package ingest

import (
	"context"
)

// Nexter is able to list the elements available in the external API and returns them one by one.
// A Nexter must be implemented for the specific service.
type Nexter interface {
	// Reset initializes or resets the state of the Nexter.
	// After Reset, calls of Next should retrieve all elements.
	Reset(context.Context) error
	// Next returns a *Codec that represents an element.
	// If all elements were returned by Next, io.EOF must be returned.
	// After any other error Next is called again and must go on where it
	// was: an error never stands for the end, and skips no element, except
	// one that is an ErrLeftOut, with which the scan as a whole fails.
	Next(context.Context) (*Codec, error)
}

// Lister is a Nexter that also knows what the listing said of an element.
type Lister interface {
	Nexter
	// NextObject is Next with a description of the element: an Object
	// without a Reader, or nil where nothing is known.
	NextObject(context.Context) (*Codec, *Object, error)
}

// Comparer is a Lister that can compare what it lists with what destinations hold.
type Comparer interface {
	Lister
	// Hints returns metadata for the element that was returned last, such as
	// MetaAbsent; nil if there is none.
	Hints() map[string]string
	// Unchanged counts the elements that were left out since Reset, because every
	// destination holds them.
	Unchanged() int64
}

// Client is able to create an Object from a Codec.
// Client must be implemented by the caller.
type Client interface {
	// Download converts a Codec into an Object.
	// In most cases it will use the ID of the Codec
	// to download the object from an API.
	// It fails with ErrNotFound only if the element is known not to exist.
	Download(context.Context, Codec) (*Object, error)
	// CleanUp is called after an object is uploaded
	// to object storage. In most cases, this will
	// serve the purpose of removing the object from
	// the source API so that it is no longer returned
	// by the Nexter and as such is not resynchronized.
	// This method must be idempotent and safe to call
	// multiple times.
	CleanUp(context.Context, Codec) error
}

// VersionedClient is a Client whose elements can change, and which can tell.
// Where a Client is one, every destination gets the same version, and nothing
// but the copied version is cleaned up.
type VersionedClient interface {
	Client
	// Stat describes the current version, without a Reader.
	Stat(context.Context, Codec) (*Object, error)
	// DownloadVersion opens the given version. It fails with ErrChanged if
	// that is no longer the current one.
	DownloadVersion(ctx context.Context, codec Codec, version *Object) (*Object, error)
	// CleanUpVersion cleans up the given version. It fails with ErrChanged,
	// and removes nothing, if that is no longer the current one.
	CleanUpVersion(ctx context.Context, codec Codec, version *Object) error
}

// Source is a system that objects come from.
type Source interface {
	Nexter
	Client
}

// Destination is a system that objects go to. Codec.Name is what an object is
// stored under.
type Destination interface {
	// Stat returns what is stored for the Codec. It fails with ErrNotFound
	// if nothing is.
	Stat(context.Context, Codec) (*Stored, error)
	// Store stores the object for the Codec and verifies it: when Store
	// returns nil, the destination holds exactly what the Reader yielded.
	// When it fails, nothing half-written or unverified is left behind that
	// Stat could later vouch for. Store does not close the object.
	Store(context.Context, Codec, Object) (*Stored, error)
}

// DigestVerifier is implemented by destinations that compare the content with the
// Object's MD5, where there is one, before anything can be seen of it. What they
// read is then not hashed a second time.
type DigestVerifier interface {
	// VerifiesDigest reports whether the destination does so.
	VerifiesDigest() bool
}

// Copier is a Destination whose server may have the source's objects, too, and can
// copy them, so that no content passes through this process.
type Copier interface {
	Destination
	// CanCopy reports whether that may work for objects of the client. It asks
	// no server.
	CanCopy(Client) bool
	// Copy stores the version of the client's element that obj describes for
	// codec, verified, as Store would. It fails with errors.ErrUnsupported,
	// and leaves nothing behind, if it is for Store to do.
	Copy(ctx context.Context, client Client, element, codec Codec, obj Object) (*Stored, error)
}

// Deleter is a Destination that can delete what it holds.
type Deleter interface {
	Destination
	// Delete deletes what Stat returned, and nothing that came after it, as far
	// as the system can tell. What is gone is no error.
	Delete(ctx context.Context, codec Codec, held *Stored) error
}

// ConnectionTester is implemented by sources and destinations that can tell
// whether they are reachable with their configuration. It changes nothing.
type ConnectionTester interface {
	TestConnection(context.Context) error
}

// Locator is implemented by sources and destinations that can say where their
// objects live, so that a copy onto itself is noticed.
type Locator interface {
	// Location returns the URI of the element that the Codec stands for. That of an
	// empty Codec tells people which system it is.
	Location(Codec) string
}

// Enqueuer is able to enqueue elements into NATS.
type Enqueuer interface {
	// Enqueue adds all of the elements that the Nexter will produce into the queue.
	Enqueue(context.Context) error
}

// Dequeuer is able to dequeue elements from the queue and upload objects to object storage.
type Dequeuer interface {
	// Dequeue will read relevant messages on a Queue and upload the corresponding
	// Objects to object storage until the given context is cancelled.
	Dequeue(context.Context) error
}
