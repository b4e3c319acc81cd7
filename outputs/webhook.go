package outputs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

// webhookBacklog bounds what waits for a webhook that is slow or down, in
// objects. Past it, best effort means that the oldest are not told.
const webhookBacklog = 10_000

func webhookField(name string) *service.ConfigField {
	return service.NewObjectField(name,
		service.NewStringField("url").
			Description("Where to POST a JSON array of the URIs of what was stored. If empty, nobody is told. A redirect is not followed: it is a failure.").
			Default("").Secret().
			Example("http://localhost:8080").
			LintRule(`root = if this != "" && !this.re_match("^https?://.+") { [ "a URL with http or https was expected" ] }`),
		service.NewStringMapField("headers").
			Description("Headers to send along.").
			Default(map[string]any{}).Secret().Advanced(),
		service.NewIntField("count").
			Description("How many objects are told of in one request, at most.").
			Default(100).Advanced().
			LintRule(`root = if this < 1 { [ "at least 1 was expected" ] }`),
		service.NewDurationField("period").
			Description("How long to wait for more objects before a request is sent.").
			Default("1s").Advanced(),
		service.NewDurationField("timeout").
			Description("How long one request may take.").
			Default("10s").Advanced(),
		service.NewIntField("retries").
			Description("How often a request that failed is sent again, with growing pauses.").
			Default(3).Advanced(),
		service.NewBoolField("required").
			Description("Keep a message in the queue until the webhook has answered with success. It is then told at least once; otherwise a failure is logged and counted, and that is all.").
			Default(false),
	).Description("Tells somebody what was stored.")
}

// webhook gathers URIs and posts them.
type webhook struct {
	url      string
	headers  map[string]string
	count    int
	period   time.Duration
	retries  int
	required bool
	client   *http.Client
	log      *service.Logger
	requests *component.Counter

	begin   sync.Once
	news    chan notice
	done    chan struct{}
	stopped chan struct{}
	stop    sync.Once
}

// notice is what one object's outputs stored.
type notice struct {
	uris []string
	// result gets the outcome of the request, if somebody waits for it.
	result chan error
}

// newWebhook returns nil if no webhook is configured; a nil webhook does nothing.
func newWebhook(conf *service.ParsedConfig, res *service.Resources) (*webhook, error) {
	w := &webhook{
		log:      res.Logger(),
		requests: component.NewCounter("ingest_webhook_http_client_requests_total", res.Metrics(), "result"),
		news:     make(chan notice, webhookBacklog),
		done:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	var err error
	if w.url, err = conf.FieldString("url"); err != nil || w.url == "" {
		return nil, err
	}
	// Its error would show the URL, which may be a secret.
	if u, err := url.Parse(w.url); err != nil || u.Host == "" {
		return nil, errors.New("field webhook.url: a URL with http or https was expected")
	}
	if w.headers, err = conf.FieldStringMap("headers"); err != nil {
		return nil, err
	}
	if w.count, err = conf.FieldInt("count"); err != nil {
		return nil, err
	}
	if w.period, err = conf.FieldDuration("period"); err != nil {
		return nil, err
	}
	if w.retries, err = conf.FieldInt("retries"); err != nil {
		return nil, err
	}
	if w.required, err = conf.FieldBool("required"); err != nil {
		return nil, err
	}
	timeout, err := conf.FieldDuration("timeout")
	w.client = &http.Client{Timeout: timeout, CheckRedirect: stay}
	w.requests.Zero(component.Results)
	return w, err
}

// stay follows no redirect: what is sent along is meant for the server that is
// configured, and a POST that was redirected arrives as a GET, which tells nothing.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (w *webhook) start() {
	if w != nil {
		w.begin.Do(func() { go w.loop() })
	}
}

// send hands over what was stored. Only where the webhook is required it waits
// for the answer.
func (w *webhook) send(ctx context.Context, uris []string) error {
	n := notice{uris: uris}
	if !w.required {
		select {
		case w.news <- n:
		default:
			w.requests.Incr(1, "dropped")
			w.log.Errorf("the webhook does not keep up, it is not told of %v", uris)
		}
		return nil
	}
	n.result = make(chan error, 1)
	select {
	case w.news <- n:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-n.result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *webhook) loop() {
	defer close(w.stopped)
	for {
		select {
		case n := <-w.news:
			w.flush(w.gather(n))
		case <-w.done:
			// What is waiting is still told.
			for {
				select {
				case n := <-w.news:
					w.flush(w.gather(n))
				default:
					return
				}
			}
		}
	}
}

// gather waits for more notices, until there are enough or the period is over.
func (w *webhook) gather(first notice) []notice {
	notices := []notice{first}
	timer := time.NewTimer(w.period)
	defer timer.Stop()
	for len(notices) < w.count {
		select {
		case n := <-w.news:
			notices = append(notices, n)
			continue
		default:
		}
		select {
		case n := <-w.news:
			notices = append(notices, n)
		case <-timer.C:
			return notices
		case <-w.done:
			return notices
		}
	}
	return notices
}

func (w *webhook) flush(notices []notice) {
	var uris []string
	for _, n := range notices {
		uris = append(uris, n.uris...)
	}
	err := w.post(uris)
	w.requests.Incr(1, component.Result(err))
	if err != nil {
		w.log.Errorf("telling the webhook of %d objects: %v", len(uris), err)
	}
	for _, n := range notices {
		if n.result != nil {
			n.result <- err
		}
	}
}

func (w *webhook) post(uris []string) error {
	body, err := json.Marshal(uris)
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	policy := backoff.WithMaxRetries(backoff.NewExponentialBackOff(), uint64(max(w.retries, 0)))
	return backoff.Retry(func() error { return w.postOnce(body) }, policy)
}

func (w *webhook) postOnce(body []byte) error {
	req, err := http.NewRequest(http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(ingest.Permanent(fmt.Errorf("webhook: %w", err)))
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range w.headers {
		req.Header.Set(k, v)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err
		}
		return ingest.Outage(fmt.Errorf("webhook at %s: %w", req.URL.Host, err))
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		return ingest.Outage( // Path and query may be secret, as with many chat services.
			fmt.Errorf("webhook at %s answered %s", req.URL.Host, resp.Status))
	}
	return nil
}

var errWebhookClosing = errors.New("closing the webhook: what was to be told is not told in full")

func (w *webhook) close(ctx context.Context) error {
	if w == nil {
		return nil
	}
	// Without a start there is nobody to wait for.
	w.begin.Do(func() { close(w.stopped) })
	w.stop.Do(func() { close(w.done) })
	select {
	case <-w.stopped:
		return nil
	case <-ctx.Done():
		return errWebhookClosing
	}
}
