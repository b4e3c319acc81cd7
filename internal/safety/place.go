package safety

import (
	"strings"

	"github.com/ingest-bundle/ingest/internal/folder"
)

// place is where objects live: everything in a store whose name begins with the
// prefix.
type place struct {
	store, prefix string
	file          string
	line          int
}

func (p place) String() string { return p.store + p.prefix }

// holds reports whether everything in other is in p too.
func (p place) holds(other place) bool {
	return p.store == other.store && strings.HasPrefix(other.prefix, p.prefix)
}

// places say where the components of a system have their objects. They report
// false where there is nothing to compare: a field is still to be filled in, or a
// variable is not set.
var places = map[string]func(fields) (place, bool){
	"ingest_s3": func(f fields) (place, bool) {
		endpoint := f.text("endpoint")
		if endpoint == "" {
			endpoint = "s3.amazonaws.com"
		}
		bucket := f.text("bucket")
		return place{store: "s3://" + strings.ToLower(endpoint) + "/" + bucket + "/", prefix: f.text("prefix")}, bucket != ""
	},
	"ingest_files": func(f fields) (place, bool) {
		path := f.text("path")
		location, err := folder.Location(path)
		return place{store: "file://", prefix: location + f.text("prefix")}, path != "" && err == nil
	},
}

func placeOf(component string, f fields) (place, bool) {
	of, ok := places[component]
	if !ok {
		return place{}, false
	}
	return of(f)
}
