package s3

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
)

// fakeETags keeps the ETags of objects in parts, which the fake server forgets.
type fakeETags struct {
	// paths holds an ETag, without quotes, by path.
	paths sync.Map
}

var answeredETag = regexp.MustCompile(`[0-9a-f]{32}-[0-9]+`)

func (f *fakeETags) of(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		switch {
		case r.Method == http.MethodPost && query.Has("uploadId"):
			answer := httptest.NewRecorder()
			answer.Body = new(bytes.Buffer)
			next.ServeHTTP(answer, r)
			if etag := answeredETag.FindString(answer.Body.String()); etag != "" {
				f.paths.Store(r.URL.Path, etag)
			}
			for k, v := range answer.Header() {
				w.Header()[k] = v
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		case r.Method == http.MethodPut && !query.Has("partNumber"), r.Method == http.MethodDelete && !query.Has("uploadId"):
			f.paths.Delete(r.URL.Path)
		case r.Method == http.MethodHead || r.Method == http.MethodGet:
			if etag, ok := f.paths.Load(r.URL.Path); ok {
				kept := &withETag{ResponseWriter: w, etag: etag.(string)}
				// The answer to a HEAD may have no body, and no status but the default.
				defer kept.set()
				w = kept
			}
		}
		next.ServeHTTP(w, r)
	})
}

type withETag struct {
	http.ResponseWriter
	etag string
}

func (w *withETag) set() {
	if w.Header().Get("ETag") != "" {
		w.Header().Set("ETag", `"`+w.etag+`"`)
	}
}

func (w *withETag) WriteHeader(status int) {
	w.set()
	w.ResponseWriter.WriteHeader(status)
}

func (w *withETag) Write(b []byte) (int, error) {
	w.set()
	return w.ResponseWriter.Write(b)
}
