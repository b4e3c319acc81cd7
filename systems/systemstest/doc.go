// Package systemstest holds the acceptance tests that every source and every
// destination passes, those of this module and those of third parties:
//
//	func TestSource(t *testing.T) {
//		systemstest.TestSource(t, func(t *testing.T, objects map[string][]byte) ingest.Source {
//			// Put the objects into the system, and return a source for them.
//		})
//	}
//
// What is tested are the promises of the interfaces in package ingest, on which
// the rest of a pipeline relies to lose nothing. Options leave out what a server
// that a test runs against is known not to do; a real server needs none of them.
package systemstest

import (
	"context"
	"testing"
	"time"

	"github.com/ingest-bundle/ingest"
)

// Option changes what is tested.
type Option func(*options)

type options struct {
	empty   bool
	change  func(t *testing.T, source ingest.Source, id string, content []byte)
	noMatch bool
	carried func(t *testing.T, dest ingest.Destination, codec ingest.Codec, obj ingest.Object)
}

func newOptions(opts []Option) options {
	o := options{empty: true}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithoutEmpty leaves out empty objects, for a server that takes none.
func WithoutEmpty() Option { return func(o *options) { o.empty = false } }

// WithoutConditionalReads takes it that the server ignores the condition of a
// conditional read, so that opening a version that is no longer there yields the
// newer one. It must then describe itself as another version.
func WithoutConditionalReads() Option { return func(o *options) { o.noMatch = true } }

// WithChange tests what a source that is an ingest.VersionedClient does when an
// object changes under its feet. The function gives the object with the ID other
// content, past the source. Without this option these tests are left out, which a
// source that is an ingest.VersionedClient does not pass.
func WithChange(change func(t *testing.T, source ingest.Source, id string, content []byte)) Option {
	return func(o *options) { o.change = change }
}

// WithCarried tests what a destination keeps of an object beside its content. The
// function gets the destination, past which it looks at what is stored for the
// Codec, and the object that it was stored from.
func WithCarried(carried func(t *testing.T, dest ingest.Destination, codec ingest.Codec, obj ingest.Object)) Option {
	return func(o *options) { o.carried = carried }
}

// timeout bounds one test: what hangs fails.
const timeout = time.Minute

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}
