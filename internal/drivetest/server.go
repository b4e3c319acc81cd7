// Package drivetest is a Google Drive in memory, for tests. It speaks as much of the
// protocol as ingest_drive does, and is as strict and as lax as Drive is: names are
// compared without regard to case, one folder may hold several files of one name,
// items of shared drives are hidden from who does not ask for them, listings come in
// pages, and an answer has the fields that were asked for.
package drivetest

import (
	"crypto/md5" //nolint:gosec // what Drive tells of its files
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/api/drive/v3"
	"google.golang.org/api/googleapi"
)

const (
	// Key is the API key that the server takes.
	Key = "the-key"
	// RootID is the top of My Drive.
	RootID = "root-folder"
	// DriveID is the ID of a shared drive, and of the folder that is its top.
	DriveID = "shared-drive"

	token      = "the-token"
	folderType = "application/vnd.google-apps.folder"
)

// Server is a Drive.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	items    map[string]*item
	sessions map[string]*session
	used     map[string]bool
	clock    int
	requests []string
	fault    func(w http.ResponseWriter, r *http.Request) bool
	keep     func(sent int) int
	damage   bool
}

// item is a file or a folder.
type item struct {
	drive.File
	revisions []revision
}

type revision struct {
	id      string
	content []byte
}

// New starts a server, which ends with the test.
func New(t *testing.T) *Server {
	s := &Server{items: map[string]*item{}, sessions: map[string]*session{}, used: map[string]bool{}}
	s.items[RootID] = &item{File: drive.File{Id: RootID, Name: "My Drive", MimeType: folderType}}
	s.items[DriveID] = &item{File: drive.File{Id: DriveID, Name: "Drive", MimeType: folderType, DriveId: DriveID}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /drive/v3/files", s.list)
	mux.HandleFunc("GET /drive/v3/files/generateIds", s.generateIDs)
	mux.HandleFunc("GET /drive/v3/files/{id}", s.get)
	mux.HandleFunc("POST /drive/v3/files", s.create)
	mux.HandleFunc("PATCH /drive/v3/files/{id}", s.update)
	mux.HandleFunc("DELETE /drive/v3/files/{id}", s.remove)
	mux.HandleFunc("DELETE /drive/v3/files/{id}/revisions/{revision}", s.removeRevision)
	mux.HandleFunc("POST /upload/drive/v3/files", s.upload)
	mux.HandleFunc("PATCH /upload/drive/v3/files/{id}", s.upload)
	mux.HandleFunc("POST /upload/session/{session}", s.chunk)
	mux.HandleFunc("POST /token", s.giveToken)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		fault := s.fault
		s.mu.Unlock()
		if fault != nil && fault(w, r) {
			return
		}
		if r.URL.Path != "/token" && r.Header.Get("X-Goog-Api-Key") != Key && r.Header.Get("Authorization") != "Bearer "+token {
			Fail(w, http.StatusUnauthorized, "authError")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// Fail answers a request with an error.
func Fail(w http.ResponseWriter, status int, reason string) {
	w.WriteHeader(status)
	answer(w, map[string]any{"error": &googleapi.Error{
		Code: status, Message: "as the server says: " + reason, Errors: []googleapi.ErrorItem{{Reason: reason, Message: "as the server says: " + reason}},
	}})
}

func answer(w http.ResponseWriter, v any) {
	_ = json.NewEncoder(w).Encode(v)
}

// Fault has a function see every request first. It reports whether it answered.
func (s *Server) Fault(fault func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Keep decides how many of the bytes of each chunk the server keeps.
func (s *Server) Keep(keep func(sent int) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep = keep
}

// Damage has the server change what it stores.
func (s *Server) Damage(damage bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damage = damage
}

// Requests returns the method and the path of every request so far.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Put puts a file or, with nil for content, a folder past the protocol, and returns
// its ID.
func (s *Server) Put(name string, content []byte, parents ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := drive.File{Id: s.newID(), Name: name, Parents: parents}
	if content == nil {
		f.MimeType = folderType
	}
	it := s.add(f)
	if content != nil {
		s.write(it, content)
	}
	return it.Id
}

// Change changes an item past the protocol.
func (s *Server) Change(id string, change func(*drive.File)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.items[id].File)
}

// Forget removes an item past the protocol.
func (s *Server) Forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.items, id)
}

// File is a file as it is stored.
type File struct {
	drive.File
	Content   []byte
	Revisions int
}

// Files returns the files and folders that are not in the trash, by their path; twins
// are in the order in which they were made. Paths begin beneath the top folders.
func (s *Server) Files() map[string][]File {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]File{}
	for _, it := range s.items {
		if it.Id == RootID || it.Id == DriveID || s.trashed(it) {
			continue
		}
		f := File{File: it.File, Revisions: len(it.revisions)}
		if n := len(it.revisions); n > 0 {
			f.Content = it.revisions[n-1].content
		}
		path := s.path(it)
		all[path] = append(all[path], f)
	}
	for _, twins := range all {
		slices.SortFunc(twins, func(a, b File) int {
			if a.CreatedTime < b.CreatedTime {
				return -1
			}
			return 1
		})
	}
	return all
}

func (s *Server) path(it *item) string {
	for _, p := range it.Parents {
		if parent, ok := s.items[p]; ok && p != RootID && p != DriveID {
			return s.path(parent) + " / " + it.Name
		}
	}
	return it.Name
}

func (s *Server) trashed(it *item) bool {
	if it.Trashed {
		return true
	}
	for _, p := range it.Parents {
		if parent, ok := s.items[p]; ok && s.trashed(parent) {
			return true
		}
	}
	return false
}

func (s *Server) newID() string {
	s.clock++
	return fmt.Sprintf("id-%06d", s.clock)
}

// add makes an item, which belongs to the shared drive that its parent belongs to.
func (s *Server) add(f drive.File) *item {
	s.clock++
	now := time.Date(2026, 1, 1, 0, 0, s.clock, 0, time.UTC).Format(time.RFC3339)
	f.CreatedTime = now
	if f.ModifiedTime == "" {
		f.ModifiedTime = now
	}
	for _, p := range f.Parents {
		f.DriveId = s.items[p].DriveId
	}
	f.Capabilities = &drive.FileCapabilities{CanAddChildren: true, CanListChildren: true, CanTrashChildren: true}
	it := &item{File: f}
	s.items[f.Id] = it
	s.used[f.Id] = true
	return it
}

// write adds a revision.
func (s *Server) write(it *item, content []byte) {
	if s.damage {
		content = append([]byte("damaged"), content...)
	}
	it.revisions = append(it.revisions, revision{id: s.newID(), content: content})
	it.describe()
}

// describe describes the latest revision.
func (it *item) describe() {
	head := it.revisions[len(it.revisions)-1]
	sum := md5.Sum(head.content) //nolint:gosec // as above
	it.Md5Checksum, it.Size, it.HeadRevisionId = hex.EncodeToString(sum[:]), int64(len(head.content)), head.id
}
