package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// FoldersEnv is the variable of the environment that lists the plugin folders.
const FoldersEnv = "INGEST_PLUGIN_PATH"

var nameRegexp = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// find returns the path of the plugin with the name: the executable of that name in
// the first of the folders that has one. It fails if none has, or if what is there
// is not safe to run.
func find(folders []string, name string) (string, error) {
	if !nameRegexp.MatchString(name) {
		return "", fmt.Errorf("plugin %q: a name of letters, digits, dots, - and _ was expected", name)
	}
	for _, folder := range folders {
		path, err := findIn(folder, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return path, err
		}
	}
	if len(folders) == 0 {
		return "", fmt.Errorf("plugin %q: no plugin folders are set, in %s or otherwise", name, FoldersEnv)
	}
	return "", fmt.Errorf("plugin %q is in none of the plugin folders %s", name, strings.Join(folders, ", "))
}

func findIn(folder, name string) (string, error) {
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return "", err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return "", err
	}
	path, err := resolve(filepath.Join(folder, name))
	if err != nil {
		return "", err
	}
	inside, err := filepath.Rel(folder, path)
	if err != nil || !filepath.IsLocal(inside) {
		return "", fmt.Errorf("plugin %q of %s is a link to %s, which is not in that folder", name, folder, path)
	}
	return path, safe(path, folder)
}

// executable returns the absolute path of an executable, without symbolic links. It
// fails if it is none, or if anybody may replace it.
func executable(path string) (string, error) {
	path, err := resolve(path)
	if err != nil {
		return "", err
	}
	return path, safe(path, filepath.Dir(path))
}

func resolve(path string) (string, error) {
	if runtime.GOOS == "windows" && !strings.EqualFold(filepath.Ext(path), ".exe") {
		path += ".exe"
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// safe fails if a file, which is somewhere in the folder, is not to be run.
func safe(path, folder string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("plugin %s is no regular file", path)
	}
	// Windows has no such bits.
	if runtime.GOOS == "windows" {
		return nil
	}
	if info.Mode()&0o111 == 0 {
		return fmt.Errorf("plugin %s is not executable", path)
	}
	// Whoever may write to a folder can put another in the place of what is in it.
	// The sticky bit, as of /tmp, keeps what others own, and lets anybody add to it.
	for at, within := path, true; ; at = filepath.Dir(at) {
		if info, err = os.Stat(at); err != nil {
			return err
		}
		if mode := info.Mode(); mode&0o002 != 0 && (within || mode&fs.ModeSticky == 0) {
			return fmt.Errorf("plugin %s is not run: everybody may write to %s (%s)", path, at, mode)
		}
		if at == filepath.Dir(at) {
			return nil
		}
		within = within && at != folder
	}
}
