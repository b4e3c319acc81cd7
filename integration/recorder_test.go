package integration

import (
	"cmp"
	"crypto/md5" //nolint:gosec // what S3 makes ETags of
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder answers as an S3 server would that has n objects in its bucket "source",
// which exist only as far as they are asked for. What is put into its bucket "copy" is
// counted, and not kept, so that there can be a million of it.
type recorder struct {
	n       int
	address string

	mu sync.Mutex
	// puts counts by the number of the object; done counts those that were put.
	puts []int
	done int
	// wrong are keys that were put with another content than theirs, or are none.
	wrong []string
}

// recordedTime is when all of the objects were modified.
const recordedTime = "2026-01-01T00:00:00.000Z"

func startRecorder(t *testing.T, n int) *recorder {
	t.Helper()
	r := &recorder{n: n, puts: make([]int, n)}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	r.address = strings.TrimPrefix(srv.URL, "http://")
	return r
}

func (r *recorder) fields(bucket string) string {
	return fmt.Sprintf("endpoint: %q, insecure: true, region: us-east-1, bucket: %q, access_key_id: %s, secret_access_key: %s", r.address, bucket, accessKey, secretKey)
}

func (r *recorder) key(i int) string { return fmt.Sprintf("o%07d", i) }

// content of an object is its key.
func etagOf(content string) string {
	return fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum([]byte(content))))
} //nolint:gosec // as above

func (r *recorder) number(key string) (i int, ok bool) {
	i, err := strconv.Atoi(strings.TrimPrefix(key, "o"))
	return i, err == nil && i >= 0 && i < r.n && key == r.key(i)
}

// ServeHTTP implements http.Handler.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	i, known := r.number(key)
	switch {
	case key == "" && req.Method == http.MethodHead:
	case key == "" && req.URL.Query().Get("list-type") == "2":
		r.list(w, req, bucket)
	case req.Method == http.MethodPut && bucket == "copy":
		r.put(w, req, key, i, known)
	case known && (bucket == "source" || r.has(i)):
		w.Header().Set("ETag", etagOf(key))
		at, _ := time.Parse(time.RFC3339, recordedTime)
		w.Header().Set("Last-Modified", at.Format(http.TimeFormat))
		w.Header().Set("Content-Length", strconv.Itoa(len(key)))
		if req.Method == http.MethodGet {
			_, _ = io.WriteString(w, key)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
	}
}

func (r *recorder) put(w http.ResponseWriter, req *http.Request, key string, i int, known bool) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		// Its sender was killed: nothing was stored.
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !known || string(body) != key {
		r.wrong = append(r.wrong, key)
		return
	}
	if r.puts[i]++; r.puts[i] == 1 {
		r.done++
	}
	w.Header().Set("ETag", etagOf(key))
}

func (r *recorder) has(i int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.puts[i] > 0
}

// stored is how many objects were put at least once.
func (r *recorder) stored() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done
}

// lost and twice count the objects that were never put, and those put more than once.
func (r *recorder) tally() (lost, twice int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.puts {
		switch {
		case n == 0:
			lost++
		case n > 1:
			twice++
		}
	}
	return lost, twice
}

// list answers a page of a listing. Tokens are the numbers of keys.
func (r *recorder) list(w http.ResponseWriter, req *http.Request, bucket string) {
	type entry struct {
		Key, LastModified, ETag, StorageClass string
		Size                                  int
	}
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name                  string
		KeyCount              int
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []entry
	}
	query := req.URL.Query()
	first, _ := strconv.Atoi(query.Get("continuation-token"))
	size, _ := strconv.Atoi(cmp.Or(query.Get("max-keys"), "1000"))
	page.Name = bucket
	if bucket == "source" {
		last := min(first+min(size, 1000), r.n)
		for i := first; i < last; i++ {
			key := r.key(i)
			page.Contents = append(page.Contents, entry{Key: key, LastModified: recordedTime, ETag: etagOf(key), StorageClass: "STANDARD", Size: len(key)})
		}
		if page.IsTruncated = last < r.n; page.IsTruncated {
			page.NextContinuationToken = strconv.Itoa(last)
		}
	}
	page.KeyCount = len(page.Contents)
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(page)
}
