package ingest

import (
	"slices"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Stored says what a destination holds.
type Stored struct {
	// URI is where the object is, such as s3://bucket/key.
	URI string
	// Len is its length in bytes.
	Len int64
	// ETag is the destination's version tag without quotes, if any.
	ETag string
	// MD5 is the digest of the content, 16 bytes, if the destination vouches
	// for it.
	MD5 []byte
	// VersionID is the destination's identifier of the version, if any.
	VersionID string
	// ModTime is when the destination stored it; zero if it is not known.
	ModTime time.Time
	// SourceVersion is the Object.Version that this is a verified copy of,
	// if the destination recorded it, after verification.
	SourceVersion string
	// Verified says that the content was proved to be what was read.
	Verified bool
}

// Outcome is what a store output did with a message.
type Outcome string

const (
	// OutcomeStored means that the object was stored and verified.
	OutcomeStored Outcome = "stored"
	// OutcomeUpToDate means that the destination was proved to hold it.
	OutcomeUpToDate Outcome = "up_to_date"
	// OutcomeKept means that the destination holds something else under the
	// name, which the configuration says not to overwrite.
	OutcomeKept Outcome = "kept"
	// OutcomeVanished means that the source no longer has the object.
	OutcomeVanished Outcome = "vanished"
	// OutcomeDeleted means that the source no longer has the object, and now
	// the destination has not either.
	OutcomeDeleted Outcome = "deleted"
)

// Receipt is what a store output reports for one message.
type Receipt struct {
	Outcome Outcome
	// Stored is what the destination holds; nil if that is nothing.
	Stored *Stored
}

// Proves reports whether the receipt proves that the destination holds the
// version of this attempt.
func (r Receipt) Proves() bool {
	switch r.Outcome {
	case OutcomeStored:
		return r.Stored != nil && r.Stored.Verified
	case OutcomeUpToDate:
		return true
	}
	return false
}

// Receipts collects the receipts of the outputs that one message goes through.
type Receipts struct {
	mu       sync.Mutex
	receipts []Receipt
}

// Copy returns r itself, so that copies of a message report to one collector.
func (r *Receipts) Copy() any { return r }

// Add adds a receipt.
func (r *Receipts) Add(receipt Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.receipts = append(r.receipts, receipt)
}

// All returns the receipts so far.
func (r *Receipts) All() []Receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.receipts)
}

const receiptsKey = "_ingest_receipts"

// CollectReceipts returns a collector for the receipts of all outputs that msg
// or a copy of it is written to from now on.
func CollectReceipts(msg *service.Message) *Receipts {
	r := &Receipts{}
	msg.MetaSetImmut(receiptsKey, r)
	return r
}

// ReceiptsOf returns the collector that msg carries, if any. A store output
// reports to it, and where there is one, leaves the last look at the source and
// the clean-up to whoever collects.
func ReceiptsOf(msg *service.Message) (*Receipts, bool) {
	v, _ := msg.MetaGetImmut(receiptsKey)
	r, ok := v.(*Receipts)
	return r, ok
}
