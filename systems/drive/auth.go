package drive

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
	"google.golang.org/api/drive/v3"

	"github.com/ingest-bundle/ingest"
)

const serviceAccount = string(credentials.ServiceAccount)

// newAuthorized returns a transport that adds to requests what they are authorized
// by, and the type of the credentials if they were given. Nothing is connected to.
func newAuthorized(c *config, base http.RoundTripper) (rt http.RoundTripper, kind string, err error) {
	switch {
	case c.apiKey != "":
		return &keyTransport{key: c.apiKey, next: base}, "", nil
	case len(c.credentials) == 0:
		return &defaultTransport{next: base}, "", nil
	}
	var content struct {
		Type string `json:"type"`
	}
	// The error of a JSON decoder could show a part of the secret.
	if json.Unmarshal(c.credentials, &content) != nil || content.Type == "" {
		return nil, "", fmt.Errorf("fields %s, %s: no JSON with a type, such as that of a service account, was found there", fieldCredentialsFile, fieldCredentialsJSON)
	}
	creds, err := credentials.NewCredentialsFromJSON(credentials.CredType(content.Type), c.credentials, detectOptions(base))
	if err != nil {
		return nil, "", fmt.Errorf("fields %s, %s: %w", fieldCredentialsFile, fieldCredentialsJSON, err)
	}
	rt, err = authorized(creds, base)
	return rt, content.Type, err
}

// detectOptions has tokens fetched through base, which so count as progress.
func detectOptions(base http.RoundTripper) *credentials.DetectOptions {
	return &credentials.DetectOptions{Scopes: []string{drive.DriveScope}, Client: &http.Client{Transport: base}}
}

func authorized(creds *auth.Credentials, base http.RoundTripper) (http.RoundTripper, error) {
	client := &http.Client{Transport: base}
	err := httptransport.AddAuthorizationMiddleware(client, creds)
	return client.Transport, err
}

// keyTransport sends an API key. In a header, unlike in the URL, it stays out of the
// texts of errors.
type keyTransport struct {
	key  string
	next http.RoundTripper
}

func (t *keyTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Goog-Api-Key", t.key)
	return t.next.RoundTrip(req)
}

// defaultTransport looks for the default credentials when it is first used, since
// that can mean asking the network.
type defaultTransport struct {
	next http.RoundTripper

	mu    sync.Mutex
	found http.RoundTripper
}

func (t *defaultTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	found, err := t.find()
	if err != nil {
		return nil, ingest.Misconfigured(fmt.Errorf("fields %s, %s: neither is set: %w", fieldCredentialsFile, fieldCredentialsJSON, err))
	}
	return found.RoundTrip(req)
}

func (t *defaultTransport) find() (http.RoundTripper, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.found != nil {
		return t.found, nil
	}
	creds, err := credentials.DetectDefault(detectOptions(t.next))
	if err == nil {
		t.found, err = authorized(creds, t.next)
	}
	return t.found, err
}
