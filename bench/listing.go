package main

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// listing is an arena with a source that answers listings, and nothing else, so that a
// million keys need no objects. The bucket for the copies is empty.
type listing struct {
	workload workload
	address  string
	http     http.Server
	// listed is how many keys were listed since the tool entered.
	listed atomic.Int64
}

func openListing(w workload) (*listing, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &listing{workload: w, address: l.Addr().String()}
	a.http = http.Server{ReadHeaderTimeout: time.Minute, Handler: a}
	go a.http.Serve(l) //nolint:errcheck // it ends with close
	return a, nil
}

func (a *listing) source() string { return a.address }

func (a *listing) enter(context.Context, tool) ([]string, func(), error) {
	a.listed.Store(0)
	return []string{a.address}, func() {}, nil
}

func (a *listing) close() { _ = a.http.Close() }

// verify looks whether everything was listed, and is in the queue if it should be.
func (a *listing) verify(ctx context.Context, t tool, j job) error {
	if n := a.listed.Load(); n != int64(a.workload.objects) {
		return fmt.Errorf("%d keys were listed, %d were expected", n, a.workload.objects)
	}
	if !t.isIngest() {
		return nil
	}
	enqueue, _ := j.paths()
	cmd := exec.CommandContext(ctx, j.programs["ingest"], "queue", "info", "--json", enqueue)
	cmd.Env = append(os.Environ(), j.env()...)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("looking into the queue: %w", err)
	}
	var info struct {
		Messages int `json:"messages"`
	}
	if err := json.Unmarshal(out, &info); err != nil {
		return fmt.Errorf("looking into the queue: %w", err)
	}
	if info.Messages != a.workload.objects {
		return fmt.Errorf("%d messages are in the queue, %d were expected", info.Messages, a.workload.objects)
	}
	return nil
}

// pageSize is the most that S3 lists in a response.
const pageSize = 1000

// page is a response, as far as clients read it.
type page struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	KeyCount, MaxKeys     int
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []entry
}

type entry struct {
	Key, LastModified, ETag, StorageClass string
	Size                                  int64
}

// ServeHTTP answers a page of a listing. Tokens are the numbers of keys.
func (a *listing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if r.Method == http.MethodHead {
		return
	}
	if r.Method != http.MethodGet || query.Get("list-type") != "2" {
		http.Error(w, "only listings are answered", http.StatusNotImplemented)
		return
	}
	bucket := strings.Trim(r.URL.Path, "/")
	first, _ := strconv.Atoi(query.Get("continuation-token"))
	size, _ := strconv.Atoi(cmp.Or(query.Get("max-keys"), strconv.Itoa(pageSize)))
	answer := page{Name: bucket, MaxKeys: size}
	last := first
	if bucket == sourceBucket {
		last = min(first+min(size, pageSize), a.workload.objects)
	}
	for i := first; i < last; i++ {
		answer.Contents = append(answer.Contents, a.entry(i))
	}
	if answer.KeyCount = last - first; last > first && last < a.workload.objects {
		answer.IsTruncated, answer.NextContinuationToken = true, strconv.Itoa(last)
	}
	// Who only looks whether the bucket is there asks for one.
	if size > 1 {
		a.listed.Add(int64(answer.KeyCount))
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer)
}

func (a *listing) entry(i int) entry {
	key := a.workload.key(i)
	return entry{
		Key: key, LastModified: "2026-01-01T00:00:00.000Z", StorageClass: "STANDARD", Size: 1000,
		ETag: fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum([]byte(key)))),
	}
}
