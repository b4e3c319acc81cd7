package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ingest-bundle/ingest"
)

// modelIDs are the elements, one of them more often. What a listing tells of the last
// has no version.
var modelIDs = []string{"a", "a", "b", "untold"}

// revision is a version of an element.
type revision struct {
	id string
	n  int
}

func (v revision) String() string { return fmt.Sprintf("%s version %d", v.id, v.n) }

// listed is what a listing tells of the version.
func (v revision) listed() revision {
	if v.id == "untold" {
		v.n = 0
	}
	return v
}

func (v revision) header() map[string]string {
	if v.listed().n == 0 {
		return nil
	}
	return map[string]string{"Ingest-Etag": strconv.Itoa(v.n)}
}

// versionOf reads what header wrote.
func versionOf(data []byte, etag string) revision {
	id, _ := elementOf(data)
	n, _ := strconv.Atoi(etag)
	return revision{id, n}
}

// promise is what must become of a message: it is delivered until it is done, or is a
// dead letter.
type promise struct {
	// stands is the newest version that a scan has seen and not queued, since the
	// message is there: what is copied must not be older.
	stands int
	// failed attempts are counted, and the next one waits.
	failed    int
	notBefore time.Time
}

// modelDead is what a dead letter must say.
type modelDead struct {
	of       revision
	stands   int
	attempts int
	why      string
}

type modelScan struct {
	saw  revision
	done chan error
}

// modelHeld is a message that a worker holds.
type modelHeld struct {
	worker *modelWorker
	d      ingest.Delivery
	of     revision
	handle *ingest.Handle
	// pinned is the version that is copied, 0 before.
	pinned int
	stored bool
}

func (h *modelHeld) live() bool { return h.d.Context().Err() == nil }

type modelWorker struct {
	name string
	q    *Queue
	sub  *Subscription
	held map[*modelHeld]*modelHeld
	// lost says that its connection is.
	lost bool
}

// modelSource has the current version of each object.
type modelSource map[string]int

func (s modelSource) Stat(_ context.Context, codec ingest.Codec) (*ingest.Object, error) {
	return &ingest.Object{Len: -1, ETag: strconv.Itoa(s[codec.ID])}, nil
}

func (s modelSource) Download(ctx context.Context, codec ingest.Codec) (*ingest.Object, error) {
	return s.Stat(ctx, codec)
}

func (s modelSource) DownloadVersion(ctx context.Context, codec ingest.Codec, _ *ingest.Object) (*ingest.Object, error) {
	return s.Stat(ctx, codec)
}

func (modelSource) CleanUp(context.Context, ingest.Codec) error { return errors.ErrUnsupported }

func (modelSource) CleanUpVersion(context.Context, ingest.Codec, *ingest.Object) error {
	return errors.ErrUnsupported
}

// model is the queue along with what must be true of it.
type model struct {
	*rapid.T
	cfg      Config
	begin    time.Time
	trail    []string
	scanner  *Queue
	scans    []*modelScan
	workers  map[string]*modelWorker
	failures int

	source modelSource
	// copied is what the destination holds, seen what scans have seen.
	copied, seen map[string]int
	// queued and dead are what the two streams must hold.
	queued map[revision]*promise
	dead   map[string]modelDead
}

func newModel(rt *rapid.T, dir string) *model {
	m := &model{
		T: rt,
		cfg: Config{
			Server:      Server{StoreDir: dir},
			Stream:      "ingest",
			Subject:     "ingest.wf",
			Prefetch:    2,
			MaxMsgs:     rapid.SampledFrom([]int64{0, 1, 2, 3}).Draw(rt, "max_msgs"),
			MaxAttempts: 3,
			AckWait:     3 * time.Second,
			BackoffMin:  time.Second,
			BackoffMax:  4 * time.Second,
		},
		begin:   time.Now(),
		workers: map[string]*modelWorker{},
		source:  modelSource{},
		copied:  map[string]int{},
		seen:    map[string]int{},
		queued:  map[revision]*promise{},
		dead:    map[string]modelDead{},
	}
	for _, id := range modelIDs {
		m.source[id] = 1
	}
	m.open()
	return m
}

func (m *model) logf(format string, args ...any) {
	line := fmt.Sprintf("%7.2fs  ", time.Since(m.begin).Seconds()) + fmt.Sprintf(format, args...)
	m.trail = append(m.trail, line)
	m.Log(line)
}

func (m *model) open() {
	var err error
	m.scanner, err = Open(context.Background(), m.cfg, nil)
	require.NoError(m, err)
}

// close ends everybody, and the server with them. Scans that wait have published
// nothing.
func (m *model) close() {
	m.endWorkers()
	_ = m.scanner.Close()
	for _, s := range m.scans {
		<-s.done
	}
	m.scans = nil
}

func (m *model) startWorker(name string) *modelWorker {
	m.logf("%s starts", name)
	q, err := Open(context.Background(), m.cfg, nil)
	require.NoError(m, err)
	sub, err := q.Subscribe(context.Background())
	require.NoError(m, err)
	w := &modelWorker{name: name, q: q, sub: sub.(*Subscription), held: map[*modelHeld]*modelHeld{}}
	m.workers[name] = w
	return w
}

// endWorkers has all workers crash.
func (m *model) endWorkers() {
	for _, w := range m.workers {
		w.q.conn.nc.Close()
		m.end(w)
	}
}

func (m *model) end(w *modelWorker) {
	_ = w.sub.Close(context.Background())
	_ = w.q.Close()
	delete(m.workers, w.name)
}

func (m *model) pop(w *modelWorker, patience time.Duration) *modelHeld {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	popped, err := w.sub.Pop(ctx, 1)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	require.NoError(m, err)
	d := popped[0]
	h := &modelHeld{worker: w, d: d, of: versionOf(d.Data(), d.Headers()["Ingest-Etag"])}
	h.handle = ingest.NewHandle(m.source, element(h.of.id)).Listed(&ingest.Object{Len: -1, ETag: d.Headers()["Ingest-Etag"]})
	m.logf("%s gets %s", w.name, h.of)
	m.collectScans(m.T)
	m.stored(m.T)
	m.checkDelivery(h)
	w.held[h] = h
	return h
}

func (m *model) drawHeld(rt *rapid.T) *modelHeld {
	var all []*modelHeld
	for _, name := range sortedKeys(m.workers) {
		all = append(all, slices.SortedFunc(maps.Keys(m.workers[name].held), func(a, b *modelHeld) int {
			return compareVersions(a.of, b.of)
		})...)
	}
	if len(all) == 0 {
		rt.SkipNow()
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(rt, "held")]
}

// step goes on with the work on what is held, as the outputs do: nothing is stored
// once the delivery is cancelled.
func (m *model) step(h *modelHeld) {
	id := h.of.id
	switch {
	case !h.live():
		m.settle(h, context.Cause(h.d.Context()), func(*promise) {})
	case h.pinned == 0:
		h.pinned = m.source[id]
		_, err := h.handle.Stat(context.Background())
		require.NoError(m, err)
		m.logf("%s copies %s", h.worker.name, revision{id, h.pinned})
	case !h.stored:
		h.stored = true
		if h.pinned < m.copied[id] {
			m.Fatalf("%s is stored over version %d", revision{id, h.pinned}, m.copied[id])
		}
		m.copied[id] = h.pinned
		m.logf("%s has stored %s", h.worker.name, revision{id, h.pinned})
	default:
		m.settle(h, h.handle.Unchanged(context.Background()), func(p *promise) {
			if h.pinned < p.stands {
				m.Fatalf("the message of %s is done with version %d, and a scan has seen %d", h.of, h.pinned, p.stands)
			}
			delete(m.queued, h.of)
		})
	}
}

// settle ends the work on what is held. What this does to its promise happens only if
// the worker may still say so.
func (m *model) settle(h *modelHeld, cause error, then func(*promise)) {
	m.logf("%s is done with %s: %v", h.worker.name, h.of, cause)
	mine := h.live() && !h.worker.lost
	delete(h.worker.held, h)
	err := h.d.Fail(context.Background(), cause)
	if !mine {
		return
	}
	require.NoError(m, err)
	if !errors.Is(cause, ingest.ErrChanged) {
		then(m.queued[h.of])
	}
}

func (m *model) bury(of revision, p *promise, cause error) {
	delete(m.queued, of)
	m.dead[of.id] = modelDead{of: of, stands: p.stands, attempts: p.failed + 1, why: cause.Error()}
}

// promise says that a message is in the queue, which stands for a version.
func (m *model) promise(listed revision, stands int) {
	p := m.queued[listed]
	if p == nil {
		p = &promise{}
		m.queued[listed] = p
	}
	p.stands = max(p.stands, stands)
}

// alreadyQueued says that the last message of the element stands for a version.
func (m *model) alreadyQueued(saw revision) {
	last := revision{n: -1}
	for v := range m.queued {
		if v.id == saw.id && v.n > last.n {
			last = v
		}
	}
	if last.n < 0 {
		m.Fatalf("%s is said to be queued already, and nothing of it is", saw)
	}
	m.promise(last, saw.n)
}

func compareVersions(a, b revision) int {
	return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.n, b.n))
}

func sortedVersions(queued map[revision]*promise) []revision {
	return slices.SortedFunc(maps.Keys(queued), compareVersions)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
