package s3

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// fakeTags keeps tags, which the fake server takes for content.
type fakeTags struct {
	mu sync.Mutex
	// xml holds the body of a PUT by path.
	xml map[string]string
}

func (f *fakeTags) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.xml == nil {
		f.xml = map[string]string{}
	}
	if !r.URL.Query().Has("tagging") {
		query := r.URL.Query()
		switch {
		case r.Method == http.MethodPut && !query.Has("partNumber"), r.Method == http.MethodPost && query.Has("uploads"):
			f.xml[r.URL.Path] = tagsXML(r.Header.Get("X-Amz-Tagging"))
		case r.Method == http.MethodHead || r.Method == http.MethodGet:
			if n := strings.Count(f.xml[r.URL.Path], "<Tag>"); n > 0 {
				w.Header().Set("X-Amz-Tagging-Count", strconv.Itoa(n))
			}
		}
		// Requests go on at once: a body may depend on another answer.
		f.mu.Unlock()
		defer f.mu.Lock()
		next.ServeHTTP(w, r)
		return
	}
	switch r.Method {
	case http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		f.xml[r.URL.Path] = string(body)
	case http.MethodGet:
		xml := f.xml[r.URL.Path]
		if xml == "" {
			xml = tagsXML("")
		}
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprint(w, xml) //nolint:errcheck // the client sees
	default:
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func tagsXML(query string) string {
	values, _ := url.ParseQuery(query)
	var xml strings.Builder
	for k := range values {
		fmt.Fprintf(&xml, "<Tag><Key>%s</Key><Value>%s</Value></Tag>", k, values.Get(k))
	}
	return "<Tagging><TagSet>" + xml.String() + "</TagSet></Tagging>"
}
