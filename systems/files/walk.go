package files

import (
	"io"
	"io/fs"
	"os"
	"path"
)

// chunk is how many entries of a folder are in memory at once.
const chunk = 512

// walk goes through what is beneath a folder. It holds one chunk of each folder
// on the way down to the current entry, whatever the number of files.
type walk struct {
	root  *os.Root
	stack []*level
}

type level struct {
	dir     *os.File
	name    string
	info    fs.FileInfo
	entries []fs.DirEntry
}

// entry is one entry of a folder.
type entry struct {
	// name is the whole name, from the root.
	name string
	fs.DirEntry
}

// newWalk begins at the root, which belongs to the walk from then on.
func newWalk(root *os.Root) (*walk, error) {
	w := &walk{root: root}
	if err := w.enter("."); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// enter makes the entries of a folder the next ones. A folder that holds itself,
// through a symbolic link, is not entered again.
func (w *walk) enter(name string) error {
	dir, err := w.root.Open(name)
	if err != nil {
		return err
	}
	info, err := dir.Stat()
	if err != nil {
		_ = dir.Close()
		return err
	}
	for _, above := range w.stack {
		if os.SameFile(above.info, info) {
			return dir.Close()
		}
	}
	w.stack = append(w.stack, &level{dir: dir, name: name, info: info})
	return nil
}

// next returns the next entry, or io.EOF. After another error it goes on past
// the folder that cannot be read.
func (w *walk) next() (entry, error) {
	for len(w.stack) > 0 {
		top := w.stack[len(w.stack)-1]
		if len(top.entries) == 0 {
			var err error
			top.entries, err = top.dir.ReadDir(chunk)
			if len(top.entries) == 0 {
				_ = top.dir.Close()
				w.stack = w.stack[:len(w.stack)-1]
			}
			if err != nil && !isEnd(err) {
				return entry{name: top.name}, err
			}
			continue
		}
		e := top.entries[0]
		top.entries = top.entries[1:]
		return entry{path.Join(top.name, e.Name()), e}, nil
	}
	return entry{}, io.EOF
}

func (w *walk) close() {
	for _, l := range w.stack {
		_ = l.dir.Close()
	}
	w.stack = nil
	_ = w.root.Close()
}
