package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

	"github.com/ingest-bundle/ingest/internal/finding"
)

// stockLabel names the component under test among the resources.
const stockLabel = "ingest_check"

// testStock runs the connection test that Benthos has for an input or output.
func (c *Checker) testStock(ctx context.Context, comp *component) []finding.Finding {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	results, err := c.connectionTest(ctx, comp)
	if err != nil {
		return []finding.Finding{finding.Of("connect", err)}
	}
	var found []finding.Finding
	for _, r := range results {
		switch {
		case errors.Is(r.Err, service.ErrConnectionTestNotSupported):
			found = append(found, finding.Say("connect", finding.NotTested, "the component has no connection test"))
		case r.Err != nil:
			found = append(found, finding.Of("connect", finding.Mend(r.Err, "fix the fields of %s, or what it connects to", comp.report.Name)))
		default:
			found = append(found, finding.Of("connect", nil))
		}
	}
	return found
}

func (c *Checker) connectionTest(ctx context.Context, comp *component) (results service.ConnectionTestResults, err error) {
	builder := service.NewResourceBuilder()
	builder.DisableLinting()
	if err := builder.AddYAML(comp.resources); err != nil {
		return nil, err
	}
	text, err := relabelled(comp.yaml)
	if err != nil {
		return nil, err
	}
	if comp.report.Kind == "input" {
		err = builder.AddInputYAML(text)
	} else {
		err = builder.AddOutputYAML(text)
	}
	if err != nil {
		return nil, err
	}
	res, closeAll, err := builder.BuildSuspended()
	if err != nil {
		return nil, err
	}
	// An output that never ran does not end by itself: it is not waited for.
	defer func() {
		over, cancel := context.WithCancel(ctx)
		cancel()
		_ = closeAll(over)
	}()
	if comp.report.Kind == "input" {
		err = res.AccessInput(ctx, stockLabel, func(i *service.ResourceInput) { results = i.ConnectionTest(ctx) })
	} else {
		err = res.AccessOutput(ctx, stockLabel, func(o *service.ResourceOutput) { results = o.ConnectionTest(ctx) })
	}
	return results, err
}

// relabelled gives a component the name that it has under test; its own may be
// that of a resource.
func relabelled(text string) (string, error) {
	var parts map[string]any
	if err := yaml.Unmarshal([]byte(text), &parts); err != nil {
		return "", err
	}
	parts["label"] = stockLabel
	out, err := yaml.Marshal(parts)
	return string(out), err
}

// hostOf leaves out what may be secret in a URL.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable URL)"
	}
	return u.Host
}

// dial connects to the host of a URL, or to the proxy for it, and sends no
// request.
func dial(ctx context.Context, raw string) error {
	req, err := http.NewRequest(http.MethodPost, raw, nil)
	if err != nil {
		return finding.Mend(errors.New("no URL"), "fix field webhook.url")
	}
	to := req.URL
	if proxy, err := http.ProxyFromEnvironment(req); err == nil && proxy != nil {
		to = proxy
	}
	port := to.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[to.Scheme]
	}
	address := net.JoinHostPort(to.Hostname(), port)
	var dialer interface {
		DialContext(context.Context, string, string) (net.Conn, error)
	} = &net.Dialer{}
	if to.Scheme == "https" {
		dialer = &tls.Dialer{}
	}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		return conn.Close()
	}
	err = fmt.Errorf("connecting to %s: %w", address, err)
	if mended := finding.Network(err, "webhook.url"); mended != nil {
		return mended
	}
	return finding.Mend(err, "fix field webhook.url")
}
