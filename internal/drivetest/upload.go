package drivetest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/api/drive/v3"
)

// session is a resumable upload.
type session struct {
	id       string
	metadata drive.File
	// request began the upload, and says what its answer is to be.
	request *http.Request
	content []byte
	done    *item
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	var metadata drive.File
	switch r.URL.Query().Get("uploadType") {
	case "multipart":
		_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		parts := multipart.NewReader(r.Body, params["boundary"])
		head, headErr := parts.NextPart()
		if headErr != nil || json.NewDecoder(head).Decode(&metadata) != nil {
			Fail(w, http.StatusBadRequest, "parseError")
			return
		}
		body, bodyErr := parts.NextPart()
		if bodyErr != nil {
			Fail(w, http.StatusBadRequest, "parseError")
			return
		}
		content, contentErr := io.ReadAll(body)
		if _, end := parts.NextPart(); contentErr != nil || end != io.EOF {
			Fail(w, http.StatusBadRequest, "parseError")
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if it := s.store(w, r, metadata, content); it != nil {
			s.show(w, r, it)
		}
	case "resumable":
		if json.NewDecoder(r.Body).Decode(&metadata) != nil {
			Fail(w, http.StatusBadRequest, "parseError")
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.used[metadata.Id] {
			Fail(w, http.StatusConflict, "fileIdInUse")
			return
		}
		id := s.newID()
		s.sessions[id] = &session{id: id, metadata: metadata, request: r}
		w.Header().Set("Location", s.URL+"/upload/session/"+id)
	default:
		Fail(w, http.StatusBadRequest, "invalid")
	}
}

// store makes a file, or gives one a new revision.
func (s *Server) store(w http.ResponseWriter, r *http.Request, metadata drive.File, content []byte) *item {
	var it *item
	if r.Method == http.MethodPatch {
		if it = s.find(w, r); it != nil {
			it.merge(metadata)
		}
	} else {
		it = s.addNew(w, r, metadata)
	}
	if it != nil {
		s.write(it, content)
	}
	return it
}

// chunk takes a part of a resumable upload.
func (s *Server) chunk(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	up, ok := s.sessions[r.PathValue("session")]
	if !ok {
		Fail(w, http.StatusNotFound, "notFound")
		return
	}
	if up.done != nil {
		s.show(w, up.request, up.done)
		return
	}
	bytes, total, found := strings.Cut(strings.TrimPrefix(r.Header.Get("Content-Range"), "bytes "), "/")
	if !found {
		Fail(w, http.StatusBadRequest, "invalid")
		return
	}
	if bytes != "*" {
		var first, last int
		if _, err := fmt.Sscanf(bytes, "%d-%d", &first, &last); err != nil || first > len(up.content) {
			Fail(w, http.StatusBadRequest, "uploadRangeInvalid")
			return
		}
		if s.keep != nil {
			body = body[:min(s.keep(len(body)), len(body))]
		}
		if overlap := len(up.content) - first; overlap < len(body) {
			up.content = append(up.content, body[overlap:]...)
		}
	}
	if n, atoiErr := strconv.Atoi(total); err == nil && atoiErr == nil && n == len(up.content) {
		if up.done = s.store(w, up.request, up.metadata, up.content); up.done != nil {
			s.show(w, up.request, up.done)
		}
		return
	}
	if len(up.content) > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(up.content)-1))
	}
	if r.Header.Get("X-GUploader-No-308") == "yes" {
		w.Header().Set("X-Http-Status-Code-Override", "308")
		return
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}
