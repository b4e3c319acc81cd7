package outputs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// listener is what a webhook tells.
type listener struct {
	*httptest.Server
	mu      sync.Mutex
	bodies  [][]string
	headers []http.Header
	// fail is how many requests are still answered with an error.
	fail int
}

func newListener(t *testing.T) *listener {
	t.Helper()
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		var uris []string
		if err := json.NewDecoder(r.Body).Decode(&uris); err != nil || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if l.fail > 0 {
			l.fail--
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		l.bodies = append(l.bodies, uris)
		l.headers = append(l.headers, r.Header)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) told() [][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([][]string{}, l.bodies...)
}

func webhookYAML(url, more string) string {
	return fmt.Sprintf("webhook:\n  url: %s\n  period: 10ms\n%s", url, more)
}

func TestWebhookTellsOfWhatWasStored(t *testing.T) {
	l := newListener(t)
	f := newTestFanOut(t, webhookYAML(l.URL, "  required: true\n  headers: { X-Token: secret }\n"), "", newMemory(), newMemory())
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(newClient("x"))}))
	require.Equal(t, [][]string{{"memory://name", "memory://name"}}, l.told())
	assert.Equal(t, "application/json", l.headers[0].Get("Content-Type"))
	assert.Equal(t, "secret", l.headers[0].Get("X-Token"))

	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(newClient("x"))}))
	assert.Len(t, l.told(), 1, "what is up to date is no news")

	// An attempt before may have ended between the store and the request.
	again := carrying(newClient("x"))
	again.MetaSetMut(ingest.MetaDeliveries, "2")
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{again}))
	assert.Len(t, l.told(), 2)
}

func TestWebhookGathers(t *testing.T) {
	l := newListener(t)
	f := newTestFanOut(t, fmt.Sprintf("webhook:\n  url: %s\n  period: 1h\n  count: 3\n", l.URL), "overwrite: always", newMemory())
	for range 5 {
		require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(newClient("x"))}))
	}
	require.Eventually(t, func() bool { return len(l.told()) == 1 }, patience, patience/2000)
	assert.Len(t, l.told()[0], 3)
	require.NoError(t, f.Close(testContext(t)))
	require.Len(t, l.told(), 2, "what waits is told at the end")
	assert.Len(t, l.told()[1], 2)
}

func TestWebhookIsBestEffort(t *testing.T) {
	l := newListener(t)
	l.fail = 1000
	src := newClient("x")
	f := newTestFanOut(t, webhookYAML(l.URL, "  retries: 0\n")+"clean_up: true\n", "", newMemory())
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(src)}))
	assert.Equal(t, 1, src.cleaned)
	require.NoError(t, f.Close(testContext(t)))
	assert.Empty(t, l.told())
	assert.Equal(t, 999, l.fail, "it was tried")
}

func TestWebhookThatIsRequired(t *testing.T) {
	l := newListener(t)
	l.fail = 1
	f := newTestFanOut(t, webhookYAML(l.URL, "  retries: 0\n  required: true\n"), "", newMemory())
	err := f.WriteBatch(testContext(t), service.MessageBatch{carrying(newClient("x"))})
	require.ErrorContains(t, err, "500")
	assert.Equal(t, ingest.KindOutage, ingest.KindOf(err), "it is not the object's failure")
}

// A process that ends while a batch is gathered must find the messages in the queue.
func TestWebhookWaitsForItsBatch(t *testing.T) {
	l := newListener(t)
	f := newTestFanOut(t, fmt.Sprintf("webhook:\n  url: %s\n  period: 1h\n  count: 2\n  required: true\n", l.URL), "", newMemory())
	crash, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := f.WriteBatch(crash, service.MessageBatch{carrying(newClient("x"))})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Empty(t, l.told())
}

func TestWebhookRetries(t *testing.T) {
	l := newListener(t)
	l.fail = 1
	f := newTestFanOut(t, webhookYAML(l.URL, "  retries: 3\n  required: true\n"), "", newMemory())
	require.NoError(t, f.WriteBatch(testContext(t), service.MessageBatch{carrying(newClient("x"))}))
	assert.Len(t, l.told(), 1)
}

// The path and the query of a webhook are secrets with many services.
func TestWebhookErrorsHoldNoPath(t *testing.T) {
	refusing := httptest.NewServer(http.NotFoundHandler())
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	defer refusing.Close()
	for _, base := range []string{refusing.URL, closed.URL} {
		w := &webhook{url: base + "/services/planted-path?token=planted-token", client: http.DefaultClient}
		err := w.postOnce([]byte("[]"))
		require.ErrorContains(t, err, "webhook at "+strings.TrimPrefix(base, "http://"))
		assert.NotContains(t, err.Error(), "planted")
		assert.Equal(t, ingest.KindOutage, ingest.KindOf(err))
	}
}

// A URL that comes from an answer is not asked: neither the news nor the headers, which
// may be secret, go elsewhere.
func TestWebhookFollowsNoRedirect(t *testing.T) {
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		elsewhere := newListener(t)
		led := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/planted-path", status))
		f := newTestFanOut(t, webhookYAML(led.URL, "  retries: 0\n  required: true\n  headers: { X-Token: planted-token }\n"), "", newMemory())
		err := f.WriteBatch(testContext(t), service.MessageBatch{carrying(newClient("x"))})
		led.Close()
		require.ErrorContains(t, err, fmt.Sprint("answered ", status))
		assert.NotContains(t, err.Error(), "planted")
		assert.Empty(t, elsewhere.told())
	}
}

func TestWebhookOfNoURL(t *testing.T) {
	conf, err := service.NewConfigSpec().Field(webhookField("webhook")).ParseYAML(`webhook: { url: "http://planted:planted@[::1/planted" }`, nil)
	require.NoError(t, err)
	_, err = newWebhook(conf.Namespace("webhook"), service.MockResources())
	require.ErrorContains(t, err, "field webhook.url")
	assert.NotContains(t, err.Error(), "planted")
}
