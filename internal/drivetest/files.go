package drivetest

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/api/drive/v3"
)

// pageSize is small, so that listings have several pages.
const pageSize = 2

// find returns an item that the request may see, or answers that there is none.
func (s *Server) find(w http.ResponseWriter, r *http.Request) *item {
	id := r.PathValue("id")
	if id == "root" {
		id = RootID
	}
	it, ok := s.items[id]
	if !ok || (it.DriveId != "" && r.FormValue("supportsAllDrives") != "true") {
		Fail(w, http.StatusNotFound, "notFound")
		return nil
	}
	return it
}

// show answers with the fields of a file that the request asks for.
func (s *Server) show(w http.ResponseWriter, r *http.Request, it *item) {
	answer(w, s.project(it, strings.Split(regexp.MustCompile(`\([^)]*\)`).ReplaceAllString(r.FormValue("fields"), ""), ",")))
}

func (s *Server) project(it *item, fields []string) map[string]any {
	f := it.File
	f.Trashed = s.trashed(it)
	text, _ := json.Marshal(f)
	var all map[string]any
	_ = json.Unmarshal(text, &all)
	maps.DeleteFunc(all, func(k string, _ any) bool { return !slices.Contains(fields, k) })
	return all
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := s.find(w, r); it != nil {
		s.show(w, r, it)
	}
}

func (s *Server) generateIDs(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := strconv.Atoi(r.FormValue("count"))
	ids := make([]string, n)
	for i := range ids {
		ids[i] = s.newID()
	}
	answer(w, &drive.GeneratedIds{Ids: ids, Space: "drive"})
}

var term = regexp.MustCompile(`^(name|mimeType) (=|!=) '((?:[^'\\]|\\.)*)'|^'((?:[^'\\]|\\.)*)' in parents|^(trashed) = false`)

var unescape = regexp.MustCompile(`\\(.)`)

// matcher makes a function of a query; it reports false if that is none.
func (s *Server) matcher(query string) (match func(*item) bool, parent string, ok bool) {
	var all []func(*item) bool
	for rest := query; ; {
		m := term.FindStringSubmatch(rest)
		if m == nil {
			return nil, "", false
		}
		value := unescape.ReplaceAllString(m[3], "$1")
		switch {
		case m[1] == "name":
			all = append(all, func(it *item) bool { return strings.EqualFold(it.Name, value) })
		case m[1] == "mimeType":
			all = append(all, func(it *item) bool { return (it.MimeType == value) == (m[2] == "=") })
		case m[5] != "":
			all = append(all, func(it *item) bool { return !s.trashed(it) })
		default:
			parent = unescape.ReplaceAllString(m[4], "$1")
			all = append(all, func(it *item) bool { return slices.Contains(it.Parents, parent) })
		}
		rest = rest[len(m[0]):]
		if rest == "" {
			break
		}
		if rest, ok = strings.CutPrefix(rest, " and "); !ok {
			return nil, "", false
		}
	}
	return func(it *item) bool {
		return !slices.ContainsFunc(all, func(f func(*item) bool) bool { return !f(it) })
	}, parent, true
}

var listFields = regexp.MustCompile(`^nextPageToken,incompleteSearch,files\((.*)\)$`)

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	match, parent, ok := s.matcher(r.FormValue("q"))
	fields := listFields.FindStringSubmatch(r.FormValue("fields"))
	if !ok || fields == nil {
		Fail(w, http.StatusBadRequest, "invalid")
		return
	}
	if _, ok := s.items[parent]; parent != "" && !ok {
		Fail(w, http.StatusNotFound, "notFound")
		return
	}
	var found []map[string]any
	for _, id := range slices.Sorted(maps.Keys(s.items)) {
		it := s.items[id]
		if match(it) && visible(r, it) {
			found = append(found, s.project(it, strings.Split(fields[1], ",")))
		}
	}
	from, _ := strconv.Atoi(r.FormValue("pageToken"))
	page := map[string]any{"files": found[from:min(from+pageSize, len(found))]}
	if from+pageSize < len(found) {
		page["nextPageToken"] = strconv.Itoa(from + pageSize)
	}
	answer(w, page)
}

// visible reports whether a listing shows an item of a shared drive.
func visible(r *http.Request, it *item) bool {
	drive := r.FormValue("driveId")
	if it.DriveId == "" {
		return drive == ""
	}
	return r.FormValue("includeItemsFromAllDrives") == "true" && r.FormValue("supportsAllDrives") == "true" &&
		r.FormValue("corpora") == "drive" && drive == it.DriveId
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var f drive.File
	if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
		Fail(w, http.StatusBadRequest, "parseError")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := s.addNew(w, r, f); it != nil {
		s.show(w, r, it)
	}
}

// addNew makes an item, unless something is wrong with it.
func (s *Server) addNew(w http.ResponseWriter, r *http.Request, f drive.File) *item {
	for _, p := range f.Parents {
		if parent, ok := s.items[p]; !ok || (parent.DriveId != "" && r.FormValue("supportsAllDrives") != "true") {
			Fail(w, http.StatusNotFound, "notFound")
			return nil
		}
	}
	if s.used[f.Id] {
		Fail(w, http.StatusConflict, "fileIdInUse")
		return nil
	}
	return s.add(f)
}

func (s *Server) update(w http.ResponseWriter, r *http.Request) {
	var change drive.File
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		Fail(w, http.StatusBadRequest, "parseError")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := s.find(w, r); it != nil {
		it.merge(change)
		s.show(w, r, it)
	}
}

func (it *item) merge(change drive.File) {
	it.Trashed = it.Trashed || change.Trashed
	if change.ModifiedTime != "" {
		it.ModifiedTime = change.ModifiedTime
	}
	if change.MimeType != "" {
		it.MimeType = change.MimeType
	}
	for into, from := range map[*map[string]string]map[string]string{&it.Properties: change.Properties, &it.AppProperties: change.AppProperties} {
		if *into == nil {
			*into = map[string]string{}
		}
		maps.Copy(*into, from)
	}
}

func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.find(w, r)
	switch {
	case it == nil:
	case it.DriveId != "" && !it.Capabilities.CanDelete:
		Fail(w, http.StatusForbidden, "insufficientFilePermissions")
	default:
		delete(s.items, it.Id)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) removeRevision(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it, ok := s.items[r.PathValue("id")]
	if !ok || len(it.revisions) < 2 || it.HeadRevisionId != r.PathValue("revision") {
		Fail(w, http.StatusForbidden, "cannotDeleteOnlyRevision")
		return
	}
	it.revisions = it.revisions[:len(it.revisions)-1]
	it.describe()
	w.WriteHeader(http.StatusNoContent)
}
