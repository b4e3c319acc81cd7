package drive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/drive/v3"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/drivetest"
)

// A server may keep less of a chunk than it was sent.
func TestServerKeepsLess(t *testing.T) {
	for name, keep := range map[string]func(int) int{
		"half":         func(n int) int { return n/2 + 1 },
		"all but one":  func(n int) int { return max(n-1, 1) },
		"nothing once": nothingOnce(),
	} {
		t.Run(name, func(t *testing.T) {
			s := drivetest.New(t)
			s.Keep(keep)
			store(t, newDrive(t, s, ""), "a", large)
			assert.True(t, bytes.Equal(large, only(t, s, "a").Content))
		})
	}
}

func nothingOnce() func(int) int {
	calls := 0
	return func(n int) int {
		if calls++; calls == 2 {
			return 0
		}
		return n
	}
}

func TestServerThatKeepsNothing(t *testing.T) {
	s := drivetest.New(t)
	s.Keep(func(int) int { return 0 })
	_, err := newDrive(t, s, "").Store(t.Context(), named("a"), object(large))
	require.ErrorContains(t, err, "takes no more than the first 0 bytes")
	assert.Empty(t, s.Files())
}

// Interruptions in the middle of an upload are made up for, and leave one file.
func TestInterruptedUpload(t *testing.T) {
	half := func(s *drivetest.Server, w http.ResponseWriter, r *http.Request) {
		// The server gets half a chunk, and the client no answer.
		body, _ := io.ReadAll(io.LimitReader(r.Body, 100_000))
		again := r.Clone(context.Background())
		again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		serve(s, again)
		panic(http.ErrAbortHandler)
	}
	lost := func(s *drivetest.Server, w http.ResponseWriter, r *http.Request) {
		// The server does as it is told, and the answer is lost.
		serve(s, r)
		panic(http.ErrAbortHandler)
	}
	status := func(code int, reason string) func(*drivetest.Server, http.ResponseWriter, *http.Request) {
		return func(_ *drivetest.Server, w http.ResponseWriter, _ *http.Request) { drivetest.Fail(w, code, reason) }
	}
	cut := func(*drivetest.Server, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, tc := range map[string]struct {
		content []byte
		// which of the requests that upload is hit, from 1 on.
		nth   int64
		fault func(*drivetest.Server, http.ResponseWriter, *http.Request)
	}{
		"503 at the beginning":            {large, 1, status(503, "backendError")},
		"503 in the middle":               {large, 3, status(503, "backendError")},
		"500 at the end":                  {large, 4, status(500, "internalError")},
		"rate limit":                      {large, 2, status(403, "userRateLimitExceeded")},
		"429":                             {large, 3, status(429, "rateLimitExceeded")},
		"cut at the beginning":            {large, 1, cut},
		"cut in the middle":               {large, 3, cut},
		"cut in the middle of a chunk":    {large, 3, half},
		"answer lost at the beginning":    {large, 1, lost},
		"answer lost in the middle":       {large, 2, lost},
		"answer lost at the end":          {large, 4, lost},
		"503, whole":                      {[]byte("small"), 1, status(503, "backendError")},
		"rate limit, whole":               {[]byte("small"), 1, status(403, "rateLimitExceeded")},
		"cut, whole":                      {[]byte("small"), 1, cut},
		"answer lost, whole":              {[]byte("small"), 1, lost},
		"answer lost, nothing in it":      {[]byte{}, 1, lost},
		"chunks without a rest, end lost": {large[:2*262144], 4, lost},
	} {
		for over, held := range map[string]bool{"new": false, "update": true} {
			t.Run(name+", "+over, func(t *testing.T) {
				s := drivetest.New(t)
				d := newDrive(t, s, "")
				id := ""
				if held {
					id = s.Put("a", []byte("older"), drivetest.RootID)
				}
				var n atomic.Int64
				s.Fault(func(w http.ResponseWriter, r *http.Request) bool {
					if !isUpload(r) || n.Add(1) != tc.nth {
						return false
					}
					s.Fault(nil)
					tc.fault(s, w, r)
					return true
				})
				store(t, d, "a", tc.content)
				require.GreaterOrEqual(t, n.Load(), tc.nth, "nothing was hit")
				f := only(t, s, "a")
				assert.True(t, bytes.Equal(tc.content, f.Content))
				if held {
					assert.Equal(t, id, f.Id, "the file stays the same one")
				}
			})
		}
	}
}

// The end of the chunks that a source without a length has is found by reading on.
func TestWholeChunksOfUnknownLength(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	content := large[:2*262144]
	_, err := d.Store(t.Context(), named("a"), ingest.Object{Len: -1, Reader: iotest.OneByteReader(bytes.NewReader(content))})
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, only(t, s, "a").Content))
}

// An error that only wraps the end of a connection is no end of the content.
func TestWrappedEndIsNoEnd(t *testing.T) {
	for _, size := range []int{1000, len(large)} {
		s := drivetest.New(t)
		d := newDrive(t, s, "")
		failure := fmt.Errorf("the connection broke: %w", io.EOF)
		_, err := d.Store(t.Context(), named("a"), ingest.Object{Len: -1, Reader: io.MultiReader(bytes.NewReader(large[:size]), iotest.ErrReader(failure))})
		require.ErrorIs(t, err, failure)
		assert.NotContains(t, err.Error(), "Google Drive", "it is the source that failed")
		assert.Empty(t, s.Files())
	}
}

func TestDamagedUploads(t *testing.T) {
	for name, tc := range map[string]struct {
		more    string
		content []byte
	}{
		"whole":  {"", []byte("content")},
		"chunks": {"", large},
		// In a shared drive, only managers may delete.
		"in a shared drive": {"shared_drive: " + drivetest.DriveID, []byte("content")},
	} {
		t.Run(name, func(t *testing.T) {
			s := drivetest.New(t)
			d := newDrive(t, s, tc.more)
			s.Damage(true)
			_, err := d.Store(t.Context(), named("a"), object(tc.content))
			require.ErrorIs(t, err, errUnverified)
			assert.Empty(t, s.Files(), "what is damaged is removed")
			assert.Equal(t, ingest.KindTransient, ingest.KindOf(err))

			s.Damage(false)
			store(t, d, "a", []byte("older"))
			s.Damage(true)
			_, err = d.Store(t.Context(), named("a"), object(tc.content))
			require.ErrorIs(t, err, errUnverified)
			f := only(t, s, "a")
			assert.Equal(t, "older", string(f.Content), "the file has its previous revision")

			s.Damage(false)
			store(t, d, "a", tc.content)
			assert.True(t, bytes.Equal(tc.content, only(t, s, "a").Content))
		})
	}
}

// A server that stores something under another name has not stored it.
func TestNameThatTheServerChanges(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	s.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if !isUpload(r) {
			return false
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte(`"name":"a "`), []byte(`"name":"a"`), 1)))
		return false
	})
	_, err := d.Store(t.Context(), named("a "), object([]byte("content")))
	require.ErrorIs(t, err, ErrName)
	assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
	assert.Empty(t, s.Files())
}

// What Drive would convert is stored as bytes.
func TestOwnTypesAreNotPassedOn(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	for _, mime := range []string{"application/vnd.google-apps.document", "no type\r\nat: all"} {
		obj := object([]byte("content"))
		obj.MimeType = mime
		_, err := d.Store(t.Context(), named("a"), obj)
		require.NoError(t, err)
		assert.Equal(t, "application/octet-stream", only(t, s, "a").MimeType)
	}
}

// A new revision of a folder that went to the trash meanwhile would go there too.
func TestFolderInTheTrash(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "folder: backups")
	store(t, d, "a", []byte("content"))
	old := only(t, s, "backups").Id
	s.Change(old, func(f *drive.File) { f.Trashed = true })
	_, err := d.Stat(t.Context(), named("a"))
	require.ErrorIs(t, err, ingest.ErrNotFound)
	_, err = d.Store(t.Context(), named("a"), object([]byte("content")))
	require.ErrorContains(t, err, "in the trash")
	store(t, d, "a", []byte("content"))
	assert.NotEqual(t, old, only(t, s, "backups").Id)
	only(t, s, "backups / a")
}

func TestFolderThatIsGone(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "folder: backups")
	store(t, d, "a", []byte("content"))
	s.Forget(only(t, s, "backups").Id)
	_, err := d.Stat(t.Context(), named("a"))
	require.ErrorContains(t, err, "its folder is gone")
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err))
	require.NotErrorIs(t, err, ingest.ErrNotFound, "nobody looked in the folder that will be")
	store(t, d, "a", []byte("content"))
	only(t, s, "backups / a")
}

// The record is what tells where no digest does, and it does not outlive the content.
func TestRecordOfACopy(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	obj := ingest.Object{Len: -1, Reader: strings.NewReader("content"), ETag: "0123-7", ModTime: time.Unix(1e9, 0)}
	version := obj.Version()
	stored, err := d.Store(t.Context(), named("a"), obj)
	require.NoError(t, err)
	assert.Empty(t, stored.SourceVersion)
	held, err := d.Stat(t.Context(), named("a"))
	require.NoError(t, err)
	assert.Equal(t, version, held.SourceVersion)
	assert.Equal(t, "2001-09-09T01:46:40Z", only(t, s, "a").ModifiedTime, "writing the record is no change")

	store(t, d, "a", []byte("other content"))
	held, err = d.Stat(t.Context(), named("a"))
	require.NoError(t, err)
	assert.Empty(t, held.SourceVersion)
}

func TestNeverOverwrites(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "overwrite: never")
	s.Put("a", []byte("by somebody else"), drivetest.RootID)
	_, err := d.Store(t.Context(), named("a"), object([]byte("content")))
	require.Error(t, err)
	assert.Equal(t, "by somebody else", string(only(t, s, "a").Content))
}

// An upload that is slow gets on as long as bytes move.
func TestProgressWhileUploading(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	const stall = 400 * time.Millisecond
	s.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
		if isChunk(r) {
			time.Sleep(stall * 3 / 5)
		}
		return false
	})
	ctx, stop := ingest.WithStallTimeout(t.Context(), stall)
	defer stop()
	_, err := d.Store(ctx, named("a"), object(large))
	require.NoError(t, err)
}

func TestStalledUpload(t *testing.T) {
	s := drivetest.New(t)
	d := newDrive(t, s, "")
	release := make(chan struct{})
	defer close(release)
	s.Fault(func(_ http.ResponseWriter, r *http.Request) bool {
		if isChunk(r) {
			<-release
		}
		return false
	})
	ctx, stop := ingest.WithStallTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	_, err := d.Store(ctx, named("a"), object(large))
	require.Error(t, err)
	var stalled *ingest.StallError
	require.ErrorAs(t, context.Cause(ctx), &stalled)
	assert.Empty(t, s.Files())
}
