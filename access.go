package ingest

import (
	"context"
	"errors"
)

// Access is what credentials allow.
type Access string

// What sources and destinations do.
const (
	AccessList   Access = "list"
	AccessGet    Access = "get"
	AccessPut    Access = "put"
	AccessDelete Access = "delete"
)

var (
	// ErrDenied says that the system was reached, and denies this one access.
	ErrDenied = errors.New("denied")
	// ErrNotTested says that an access cannot be tested without a change.
	ErrNotTested = errors.New("not tested")
)

// AccessTester is implemented by sources and destinations that can tell what
// their credentials allow.
type AccessTester interface {
	// TestAccess changes nothing. It fails with ErrDenied if this access is
	// denied, and with ErrNotTested if that cannot be told; any other error
	// holds for every access. Permissions may be for a part of a system only:
	// beside is an element of the part that matters, or nil where none is
	// known.
	TestAccess(ctx context.Context, access Access, beside *Codec) error
}
