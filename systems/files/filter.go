package files

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// filter says which files a scan shows.
type filter struct {
	recursive        bool
	include, exclude []string
	settle           time.Duration
	// once says that no scan comes after this one.
	once bool
}

func filterFromParsed(conf *service.ParsedConfig) (f filter, err error) {
	if f.recursive, err = conf.FieldBool(fieldRecursive); err != nil {
		return f, err
	}
	for field, into := range map[string]*[]string{fieldInclude: &f.include, fieldExclude: &f.exclude} {
		if *into, err = conf.FieldStringList(field); err != nil {
			return f, err
		}
		for _, pattern := range *into {
			if !doublestar.ValidatePattern(pattern) {
				return f, fmt.Errorf("field %s: %q is no pattern", field, pattern)
			}
		}
	}
	if f.settle, err = conf.FieldDuration(fieldSettle); err != nil {
		return f, err
	}
	interval, err := conf.FieldString(fieldInterval)
	f.once = interval == ""
	return f, err
}

func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if doublestar.MatchUnvalidated(p, name) {
			return true
		}
	}
	return false
}

// enters reports whether a folder is looked into.
func (f filter) enters(name string) bool { return f.recursive && !matchesAny(f.exclude, name) }

// takes reports whether a file is one of those that are listed.
func (f filter) takes(name string) bool {
	return (len(f.include) == 0 || matchesAny(f.include, name)) && !matchesAny(f.exclude, name)
}

// settling returns how long ago the file was written to, if that is so little
// that it may still be. A time in the future says nothing, unless clocks that
// differ a little may be the reason.
func (f filter) settling(info fs.FileInfo) (time.Duration, bool) {
	for _, t := range []time.Time{changedAt(info), info.ModTime()} {
		if age := time.Since(t); age < f.settle && age > -f.settle {
			return age, true
		}
	}
	return 0, false
}
