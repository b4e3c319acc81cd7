package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/ingest-bundle/ingest/internal/finding"
)

// folderChecks keeps the checks of two components from taking each other for another
// process.
var folderChecks sync.Mutex

// checkFolder looks at the folder of the server inside the process. Whether it can
// be written is tried with a file that is removed again at once.
func checkFolder(dir string) []finding.Finding {
	test := "folder " + dir
	existing, err := nearest(dir)
	if err == nil {
		err = writable(existing)
	}
	if err != nil {
		return []finding.Finding{finding.Of(test, finding.Mend(err, "let this user write there, or set field %s to another folder", fieldStoreDir))}
	}
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return []finding.Finding{finding.Say(test, finding.OK, "a run would create the queue")}
	}
	folderChecks.Lock()
	defer folderChecks.Unlock()
	lock := flock.New(path)
	locked, err := lock.TryLock()
	switch {
	case err != nil:
		err = fmt.Errorf("locking the queue: %w", err)
	case !locked:
		err = finding.Mend(fmt.Errorf("%s is in use by another process", dir),
			"stop that process, run both pipelines in one (ingest streams), or run a NATS server and set field %s", fieldURLs)
	default:
		err = lock.Unlock()
	}
	return []finding.Finding{finding.Of(test, err)}
}

// nearest returns the folder, or the nearest above it that exists.
func nearest(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is no folder", dir)
		case err == nil:
			return dir, nil
		case !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir:
			return "", err
		}
		dir = filepath.Dir(dir)
	}
}

func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".ingest-check-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
