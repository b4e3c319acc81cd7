package integration

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func exampleS3ToS3(s *stage) {
	n := startNATS(s.t)
	s.env["NATS_URL"] = n.url
	objects := s.putSome()
	enqueue, dequeue := s.follow("s3-to-s3/enqueue.yaml"), s.follow("s3-to-s3/dequeue.yaml")
	s.moved(objects)
	drained(s.t, n, time.Minute)
	stopped(s.t, enqueue, dequeue)
	assert.Len(s.t, s.source.keys(s.from), len(objects))
}

func exampleSingleProcess(s *stage) {
	objects := s.putSome()
	p := s.follow("single-process/enqueue.yaml")
	s.moved(objects)
	stopped(s.t, p)
	assert.Len(s.t, s.source.keys(s.from), len(objects))
	assert.DirExists(s.t, s.dir+"/ingest-queue")
}

func exampleFanOut(s *stage) {
	objects := s.putSome()
	second := s.source.bucket("fan-out-second-copy")
	s.connect("DST2", s.source, second)
	p := s.follow("fan-out/dequeue.yaml")
	s.moved(objects)
	awaitKeys(s.t, s.source, second, len(objects))
	requireSame(s.t, s.source, second, "", objects)
	stopped(s.t, p)
}

func exampleCleanUp(s *stage) {
	objects := s.putSome()
	p := s.follow("clean-up/dequeue.yaml")
	awaitKeys(s.t, s.source, s.from, 0)
	s.moved(objects)
	stopped(s.t, p)
}

// receiver is an HTTP server that keeps what is posted to it.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	header http.Header
	bodies []json.RawMessage
}

func startReceiver(s *stage) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		var body json.RawMessage
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil || req.Method != http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.header = req.Header
		r.bodies = append(r.bodies, body)
	}))
	s.t.Cleanup(r.Close)
	s.env["WEBHOOK_URL"] = r.URL
	return r
}

func (r *receiver) received() []json.RawMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies
}

func exampleWebhook(s *stage) {
	objects := s.putSome()
	var want []string
	for _, o := range objects {
		want = append(want, "s3://"+s.to+"/"+o.key)
	}
	r := startReceiver(s)
	s.env["WEBHOOK_TOKEN"] = "a-token"
	p := s.follow("webhook/dequeue.yaml")
	var told []string
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		told = nil
		for _, body := range r.received() {
			var uris []string
			require.NoError(c, json.Unmarshal(body, &uris))
			told = append(told, uris...)
		}
		assert.Len(c, told, len(want))
	}, time.Minute, tick)
	assert.ElementsMatch(s.t, want, told)
	assert.Equal(s.t, "Bearer a-token", r.header.Get("Authorization"))
	s.moved(objects)
	stopped(s.t, p)
}

func exampleStockBridge(s *stage) {
	n := startNATS(s.t)
	s.env["NATS_URL"] = n.url
	objects := s.putSome()
	enqueue := s.follow("stock-bridge/enqueue.yaml")
	require.Eventually(s.t, func() bool { return n.count(s.t, "ingest") == len(objects) }, time.Minute, tick)
	dequeue := s.follow("stock-bridge/dequeue.yaml")
	s.moved(objects)
	drained(s.t, n, time.Minute)
	stopped(s.t, enqueue, dequeue)
}

func exampleThreeSources(s *stage) {
	// The keys are the same in all sources, the contents differ.
	buckets := map[string]string{"SRC": s.from, "SRC2": s.source.bucket("three-sources-2"), "SRC3": s.source.bucket("three-sources-3")}
	objects := map[string][]object{}
	for prefix, bucket := range buckets {
		s.connect(prefix, s.source, bucket)
		for _, o := range small(5, "o") {
			o.revision = len(objects)
			objects[prefix] = append(objects[prefix], o)
		}
		putAll(s.t, s.source, bucket, objects[prefix])
	}
	p := s.follow("three-sources/streams/scan-1.yaml")
	awaitKeys(s.t, s.dest, s.to, 15)
	requireSame(s.t, s.dest, s.to, "source-1/", objects["SRC"])
	requireSame(s.t, s.dest, s.to, "source-2/", objects["SRC2"])
	requireSame(s.t, s.dest, s.to, "source-3/", objects["SRC3"])
	stopped(s.t, p)
}

func exampleWorkflowFile(s *stage) {
	objects := s.putSome()
	s.env["SRC_INSECURE"], s.env["DST_INSECURE"] = "true", "true"
	p := s.follow("workflow-file/config")
	// Beside each copy there is a metafile.
	awaitKeys(s.t, s.dest, s.to, 2*len(objects))
	requireSame(s.t, s.dest, s.to, "photos/", objects)
	stopped(s.t, p)
}
