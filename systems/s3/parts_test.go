package s3

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

var theObject = ingest.NewCodec("o", "o", nil)

// copying is an object in parts that is copied from one server to another.
type copying struct {
	from, to *fakeServer
	source   *source
	dest     *destination
	content  []byte
	obj      *ingest.Object
	// puts counts the requests for each part, and hashed those with an MD5.
	mu     sync.Mutex
	puts   map[int]int
	hashed int
	// completions counts the uploads that were completed.
	completions int
}

// newCopying begins with an object of as many parts of 5 MiB, and a byte.
func newCopying(t *testing.T, parts int) *copying {
	t.Helper()
	content := make([]byte, parts*minPartSize+1)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	sizes := []int64{}
	for range parts {
		sizes = append(sizes, minPartSize)
	}
	return newCopyingOf(t, content, append(sizes, 1)...)
}

func newCopyingOf(t *testing.T, content []byte, sizes ...int64) *copying {
	t.Helper()
	c := &copying{from: newFake(t, "source"), to: newFake(t, "copy"), content: content, puts: map[int]int{}}
	c.from.putParts(t, "source", "o", content, sizes...)
	c.source, c.dest = c.from.source(t, "source", ""), c.to.destination(t, "copy", "")
	c.meddle(nil)
	c.open(t, sizes[0])
	return c
}

// open opens the object anew. The fake server does not tell the size of parts.
func (c *copying) open(t *testing.T, partSize int64) {
	t.Helper()
	var err error
	c.obj, err = c.source.Download(t.Context(), theObject)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.obj.Close() })
	c.obj.PartSize = partSize
}

// meddle counts requests to the destination, and has f called for every part.
func (c *copying) meddle(f func(w http.ResponseWriter, r *http.Request, number int) bool) {
	c.to.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		number, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
		c.mu.Lock()
		switch {
		case r.Method == http.MethodPut && number > 0:
			c.puts[number]++
			if r.Header.Get("Content-Md5") != "" {
				c.hashed++
			}
		case r.Method == http.MethodPost && r.URL.Query().Has("uploadId"):
			c.completions++
		}
		c.mu.Unlock()
		return f != nil && r.Method == http.MethodPut && number > 0 && f(w, r, number)
	})
}

func (c *copying) store(t *testing.T) (*ingest.Stored, error) {
	t.Helper()
	return c.dest.Store(t.Context(), theObject, *c.obj)
}

func (c *copying) requireCopied(t *testing.T) {
	t.Helper()
	body, _, _, err := c.dest.api.GetObject(t.Context(), "copy", "o", minio.GetObjectOptions{})
	require.NoError(t, err)
	defer body.Close() //nolint:errcheck // nothing is written
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	require.True(t, bytes.Equal(c.content, got), "the copy differs")
	c.requireNothingUnfinished(t)
}

func (c *copying) requireNothing(t *testing.T) {
	t.Helper()
	_, err := c.dest.Stat(t.Context(), theObject)
	require.ErrorIs(t, err, ingest.ErrNotFound)
	c.requireNothingUnfinished(t)
}

func (c *copying) requireNothingUnfinished(t *testing.T) {
	t.Helper()
	left, err := c.dest.api.ListMultipartUploads(t.Context(), "copy", "", "", "", "", 10)
	if resp, ok := response(err); !ok || resp.Code != "NoSuchUpload" {
		require.NoError(t, err)
	}
	assert.Empty(t, left.Uploads)
	memory, ok := c.dest.buffers.budget.TryAcquire(1 << 40)
	if assert.True(t, ok, "memory was not given back") {
		memory.Release()
	}
}

// The source's parts go through without being hashed, the first ones from the body
// that the object was opened with, and prove the copy.
func TestPartsAreMirrored(t *testing.T) {
	for name, tc := range map[string]struct {
		parts, ranges int
		sequential    bool
	}{
		"one connection":     {3, 0, false},
		"several":            {13, 1, false},
		"shared with others": {13, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopying(t, tc.parts)
			var ranges, whole atomic.Int64
			c.from.meddle(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Range") != "" {
					ranges.Add(1)
				} else if r.Method == http.MethodGet {
					whole.Add(1)
				}
				return false
			})
			c.obj.Sequential = tc.sequential
			stored, err := c.store(t)
			require.NoError(t, err)
			assert.True(t, stored.Verified)
			assert.Equal(t, c.obj.ETag, stored.ETag)
			c.requireCopied(t)
			assert.Zero(t, c.hashed)
			assert.True(t, ranges.Load() == 0 || !tc.sequential, "ranges are not shared")
			assert.Zero(t, whole.Load(), "the body that is open is used")
			assert.GreaterOrEqual(t, ranges.Load(), int64(tc.ranges))
			assert.Less(t, ranges.Load(), int64(tc.parts), "nothing was taken from the body that is open")
			assert.Len(t, c.puts, tc.parts+1)
			for number, puts := range c.puts {
				assert.Equal(t, 1, puts, "part %d", number)
			}
		})
	}
}

func TestAPartIsTriedAgainAlone(t *testing.T) {
	t.Parallel()
	broken := func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }
	for name, answer := range map[string]func(http.ResponseWriter){
		"an internal error":   func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"slow down":           func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"a broken connection": broken,
		"damaged on the way": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<Error><Code>BadDigest</Code></Error>")
		},
	} {
		for _, hashed := range []bool{false, true} {
			t.Run(name+", hashed: "+strconv.FormatBool(hashed), func(t *testing.T) {
				c := newCopying(t, 3)
				c.dest.wary.Store(hashed)
				var failures atomic.Int64
				c.meddle(func(w http.ResponseWriter, r *http.Request, number int) bool {
					if number != 2 || failures.Add(1) > 2 {
						return false
					}
					answer(w)
					return true
				})
				_, err := c.store(t)
				require.NoError(t, err)
				c.requireCopied(t)
				assert.Equal(t, map[int]int{1: 1, 2: 3, 3: 1, 4: 1}, c.puts)
			})
		}
	}
}

func TestAPartThatKeepsFailing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status, puts int
		kind         ingest.Kind
		hashed       bool
	}{
		"an internal error": {http.StatusInternalServerError, partTries, ingest.KindTransient, false},
		"slow down":         {http.StatusServiceUnavailable, partTries, ingest.KindOutage, true},
		"denied":            {http.StatusForbidden, 1, ingest.KindOutage, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopying(t, 3)
			c.dest.wary.Store(tc.hashed)
			c.meddle(func(w http.ResponseWriter, _ *http.Request, number int) bool {
				if number == 2 {
					w.WriteHeader(tc.status)
				}
				return number == 2
			})
			_, err := c.store(t)
			assert.Equal(t, tc.kind, ingest.KindOf(err), "%v", err)
			c.requireNothing(t)
			assert.Equal(t, tc.puts, c.puts[2])
			assert.Zero(t, c.completions)
		})
	}
}

// A part of the source that ends early, or breaks off, is read again.
func TestAPartThatIsReadAgain(t *testing.T) {
	c := newCopying(t, 13)
	var failures atomic.Int64
	c.from.meddle(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") == "" || failures.Add(1) > 2 {
			return false
		}
		answer := httptest.NewRecorder()
		c.from.honest.ServeHTTP(answer, r)
		for k, v := range answer.Header() {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		panic(http.ErrAbortHandler)
	})
	_, err := c.store(t)
	require.NoError(t, err)
	c.requireCopied(t)
	assert.Greater(t, failures.Load(), int64(2))
}

// What is damaged on the way is found before the upload is completed, and the object
// is copied again, with a check of each part.
func TestDamagedPartsAreNotCompleted(t *testing.T) {
	t.Parallel()
	flip := func(b []byte) { b[len(b)/2] ^= 1 }
	for name, damage := range map[string]func(c *copying, once *sync.Once){
		"to the destination": func(c *copying, once *sync.Once) {
			c.meddle(func(_ http.ResponseWriter, r *http.Request, number int) bool {
				once.Do(func() {
					content, _ := io.ReadAll(r.Body)
					flip(content)
					r.Body = io.NopCloser(bytes.NewReader(content))
				})
				return false
			})
		},
		"from the source": func(c *copying, once *sync.Once) {
			c.from.meddle(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Range") == "" {
					return false
				}
				damaged := false
				once.Do(func() {
					damaged = true
					answer := httptest.NewRecorder()
					c.from.honest.ServeHTTP(answer, r)
					flip(answer.Body.Bytes())
					for k, v := range answer.Header() {
						w.Header()[k] = v
					}
					w.WriteHeader(answer.Code)
					_, _ = w.Write(answer.Body.Bytes())
				})
				return damaged
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopying(t, 13)
			damage(c, new(sync.Once))
			stored, err := c.store(t)
			require.NoError(t, err)
			assert.Equal(t, c.obj.ETag, stored.ETag)
			c.requireCopied(t)
			assert.Equal(t, 1, c.completions, "what was damaged was completed")
			assert.Equal(t, 14, c.hashed)
			assert.Len(t, c.puts, 14)
		})
	}
}

// A source whose parts are others than they seem is copied all the same: what was
// read twice the same is what it has.
func TestUnevenParts(t *testing.T) {
	content := make([]byte, 17<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	c := newCopyingOf(t, content, 5<<20, 7<<20, 5<<20)
	c.obj.PartSize = 6 << 20
	stored, err := c.store(t)
	require.NoError(t, err)
	assert.True(t, stored.Verified)
	assert.NotEqual(t, c.obj.ETag, stored.ETag)
	c.requireCopied(t)
	assert.Equal(t, 1, c.completions)
	held, err := c.dest.Stat(t.Context(), theObject)
	require.NoError(t, err)
	assert.Equal(t, c.obj.Version(), held.SourceVersion, "the next scan would copy it again")
}

func TestETagsOfPartsThatAreNoDigests(t *testing.T) {
	c := newCopying(t, 3)
	var once sync.Once
	c.meddle(func(w http.ResponseWriter, r *http.Request, number int) bool {
		opaque := false
		once.Do(func() {
			opaque = true
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"opaque"`)
		})
		return opaque
	})
	stored, err := c.store(t)
	require.NoError(t, err)
	assert.Equal(t, c.obj.ETag, stored.ETag)
	c.requireCopied(t)
	assert.Equal(t, 4, c.hashed)
	c.open(t, minPartSize)
	_, err = c.store(t)
	require.NoError(t, err)
	assert.Equal(t, 8, c.hashed, "it is remembered")
}

// A source that changes in mid-copy: nothing of the newer version gets in.
func TestSourceThatChangesInMidCopy(t *testing.T) {
	t.Parallel()
	for _, hashed := range []bool{false, true} {
		t.Run("hashed: "+strconv.FormatBool(hashed), func(t *testing.T) {
			c := newCopying(t, 13)
			c.dest.wary.Store(hashed)
			var once sync.Once
			newer := bytes.Repeat([]byte{7}, len(c.content))
			c.meddle(func(http.ResponseWriter, *http.Request, int) bool {
				once.Do(func() { c.from.put(t, "source", "o", newer) })
				return false
			})
			_, err := c.store(t)
			require.ErrorIs(t, err, ingest.ErrChanged)
			c.requireNothing(t)
			assert.Zero(t, c.completions)
			c.content = newer
			c.open(t, 0)
			_, err = c.store(t)
			require.NoError(t, err)
			c.requireCopied(t)
		})
	}
}

// A server that serves no ranges costs one attempt.
func TestSourceWithoutRanges(t *testing.T) {
	c := newCopying(t, 13)
	c.from.meddle(func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		return false
	})
	_, err := c.store(t)
	require.ErrorIs(t, err, errNoRange)
	c.requireNothing(t)
	c.open(t, minPartSize)
	require.Nil(t, c.obj.Range)
	stored, err := c.store(t)
	require.NoError(t, err)
	assert.Equal(t, c.obj.ETag, stored.ETag)
	c.requireCopied(t)
}
