package files

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"
)

// forgotten is the age of hidden files that are stale also where the file system
// knows no locks.
const forgotten = 24 * time.Hour

// removeStale removes the hidden files of processes that are no more.
func (d *destination) removeStale() {
	root, err := d.open(context.Background())
	if err != nil {
		return
	}
	w, err := newWalk(root)
	if err != nil {
		return
	}
	defer w.close()
	for {
		e, err := w.next()
		switch {
		case isEnd(err):
			return
		case err == nil && e.IsDir():
			err = w.enter(e.name)
		case err == nil && isTemp(e):
			err = removeIfStale(root, e)
		}
		if err != nil && !isMissing(err) {
			d.log.Debugf("looking for stale files in %s: %v", d.path, err)
		}
	}
}

func isTemp(e entry) bool {
	return e.Type().IsRegular() && strings.HasPrefix(e.Name(), tempPrefix)
}

func removeIfStale(root *os.Root, e entry) error {
	file, err := root.OpenFile(e.name, os.O_RDWR|nonBlocking, 0)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // nothing is written
	info, err := file.Stat()
	if err != nil {
		return err
	}
	free, err := lock(file)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.ENOLCK) {
		return err
	}
	if free || (err != nil && time.Since(info.ModTime()) > forgotten) {
		return root.Remove(e.name)
	}
	return nil
}
