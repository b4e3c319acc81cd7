package outputs

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // compared with what stores vouch for, no secret
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

const (
	// probeName is what the names of probes begin with.
	probeName = ".ingest-probe-"
	probeText = "ingest stored this to see whether this bucket is its source, too. It can be deleted.\n"

	// probeRemoval is how long a probe may take to be removed, at a stop too.
	probeRemoval = 10 * time.Second
)

// aliases finds out whether the destination is in the bucket that objects come from,
// on a server that has several names. For that a probe is stored at the destination,
// looked for at the source, and deleted, once for each source.
type aliases struct {
	dest ingest.Destination
	log  *service.Logger
	// lock is a mutex that a cancelled context can leave.
	lock  chan struct{}
	known map[string]verdict
}

type verdict struct {
	apart bool
	err   error
}

func newAliases(dest ingest.Destination, log *service.Logger) *aliases {
	return &aliases{dest: dest, log: log, lock: make(chan struct{}, 1), known: map[string]verdict{}}
}

// apart reports whether it is certain that the destination is not where the handle's
// source has its objects. It fails with ErrPermanent if they are one bucket.
func (a *aliases) apart(ctx context.Context, handle *ingest.Handle) (bool, error) {
	dest, ok := a.dest.(ingest.Deleter)
	if !ok {
		return false, nil
	}
	source := handle.Neighbour(ingest.Codec{}).Location()
	select {
	case a.lock <- struct{}{}:
		defer func() { <-a.lock }()
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	v, ok := a.known[source]
	if !ok {
		var err error
		if v, err = a.decide(ctx, dest, handle, source); err != nil {
			return false, err
		}
		a.known[source] = v
	}
	return v.apart, v.err
}

// decide finds out about one source. Its error is none of the verdict: it may be gone
// at the next try.
func (a *aliases) decide(ctx context.Context, dest ingest.Deleter, handle *ingest.Handle, source string) (verdict, error) {
	name := probeName + strings.ToLower(rand.Text())
	probe := ingest.NewCodec(name, name, nil)
	there, ok := a.atSource(handle, source, probe)
	if !ok {
		return verdict{}, nil
	}
	found, err := a.find(ctx, dest, probe, there)
	switch {
	case err != nil && (ctx.Err() != nil || errors.Is(err, ingest.ErrOutage) && !errors.Is(err, ingest.ErrMisconfigured)):
		return verdict{}, err
	case err != nil:
		a.log.Warnf("Cannot find out whether %s is the source %s under another name of its server: each object is looked at instead: %v", a.where(), source, err)
		return verdict{}, nil
	case found:
		return verdict{err: ingest.Permanent(fmt.Errorf(
			"the destination is the source itself, under another name of its server: %s is in the bucket of %s: write the same endpoint in both, and another bucket or prefix", a.where(), source))}, nil
	}
	return verdict{apart: true}, nil
}

// atSource returns what the probe is at the source if that and the destination are
// one. It reports false if their servers have one name, or the buckets two.
func (a *aliases) atSource(handle *ingest.Handle, source string, probe ingest.Codec) (there *ingest.Handle, ok bool) {
	l, ok := a.dest.(ingest.Locator)
	if !ok {
		return nil, false
	}
	from, host := component.WithoutHost(source)
	to, other := component.WithoutHost(l.Location(probe))
	id, ok := strings.CutPrefix(to, from)
	if !ok || host == "" || other == "" || host == other {
		return nil, false
	}
	there = handle.Neighbour(ingest.NewCodec(id, probe.Name, nil))
	at, _ := component.WithoutHost(there.Location())
	return there, at == to
}

// find stores the probe, and reports whether the source has it.
func (a *aliases) find(ctx context.Context, dest ingest.Deleter, probe ingest.Codec, there *ingest.Handle) (bool, error) {
	sum := md5.Sum([]byte(probeText)) //nolint:gosec // as above
	stored, err := dest.Store(ctx, probe, ingest.Object{
		MimeType: "text/plain", Len: int64(len(probeText)), MD5: sum[:], Reader: bytes.NewReader([]byte(probeText)),
	})
	if err != nil {
		return false, fmt.Errorf("storing a probe: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeRemoval)
		defer cancel()
		if err := dest.Delete(ctx, probe, stored); err != nil {
			a.log.Warnf("The probe %s stays at %s, and can be deleted: %v", probe.Name, a.where(), err)
		}
	}()
	obj, err := there.Stat(ctx)
	switch {
	case errors.Is(err, ingest.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for a probe: %w", err)
	case obj == nil:
		return false, errors.New("the source cannot be asked for a probe")
	}
	return true, nil
}

// where names the destination to people. It is a Locator by now.
func (a *aliases) where() string { return a.dest.(ingest.Locator).Location(ingest.Codec{}) }
