package drive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/drive/v3"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

// knownFolders is how many folders are remembered.
const knownFolders = 4096

// making is held by who makes a folder: Drive would make a second one of the same
// name. Outputs of several pipelines may share a folder.
var making = component.NewBudget(1)

// errNoFolder says that there is no such folder.
var errNoFolder = errors.New("there is no such folder")

func older(a, b *drive.File) int {
	return cmp.Or(created(a).Compare(created(b)), strings.Compare(a.Id, b.Id))
}

func created(f *drive.File) time.Time {
	t, _ := time.Parse(time.RFC3339, f.CreatedTime)
	return t
}

func isFolder(f *drive.File) bool { return f.MimeType == folderType }

// gone forgets what was known of folders, since the one that something was to be
// done in is no longer there. The next attempt finds or makes another one.
func (c *client) gone(doing string, err error) error {
	c.folders.Purge()
	c.top.Store(nil)
	return fmt.Errorf("%s: its folder is gone: %w", doing, withoutURL(err))
}

// lookUp returns the ID of the folder at a path, or errNoFolder.
func (c *client) lookUp(ctx context.Context, path []string) (string, error) {
	return c.walk(ctx, path, c.child)
}

// ensure returns the ID of the folder at a path, which is made where it is missing.
func (c *client) ensure(ctx context.Context, path []string) (string, error) {
	return c.walk(ctx, path, c.childOrNew)
}

func (c *client) walk(ctx context.Context, path []string, step func(ctx context.Context, parent string, path []string) (string, error)) (string, error) {
	if len(path) == 0 {
		top, err := c.topFolder(ctx)
		if err != nil {
			return "", err
		}
		return top.Id, nil
	}
	key := strings.Join(path, "/")
	if id, ok := c.folders.Get(key); ok {
		return id, nil
	}
	parent, err := c.walk(ctx, path[:len(path)-1], step)
	if err != nil {
		return "", err
	}
	id, err := step(ctx, parent, path)
	if err != nil {
		return "", err
	}
	c.folders.Add(key, id)
	return id, nil
}

// child returns the ID of the folder at a path, by that of its parent.
func (c *client) child(ctx context.Context, parent string, path []string) (string, error) {
	name := path[len(path)-1]
	folder, err := c.find(ctx, name, "mimeType = "+quote(folderType)+" and "+quote(parent)+" in parents", isFolder)
	if err == nil && len(path) == 1 && c.topID() == rootAlias {
		// What others share is in no folder that the account can see, and
		// goes before what is in its own.
		var shared *drive.File
		shared, err = c.find(ctx, name, "mimeType = "+quote(folderType), func(file *drive.File) bool { return isFolder(file) && len(file.Parents) == 0 })
		if shared != nil {
			folder = shared
		}
	}
	switch {
	case err != nil:
		return "", err
	case folder == nil:
		return "", fmt.Errorf("%w: %q", errNoFolder, strings.Join(path, "/"))
	}
	return folder.Id, nil
}

func (c *client) childOrNew(ctx context.Context, parent string, path []string) (string, error) {
	id, err := c.child(ctx, parent, path)
	if !errors.Is(err, errNoFolder) {
		return id, err
	}
	if err := c.mayMake(path); err != nil {
		return "", err
	}
	turn, err := making.Acquire(ctx, 1)
	if err != nil {
		return "", err
	}
	defer turn.Release()
	// Another worker may have made it while this one waited.
	if id, err = c.child(ctx, parent, path); !errors.Is(err, errNoFolder) {
		return id, err
	}
	if err := c.make(ctx, parent, path); err != nil {
		return "", err
	}
	// So may another process: the oldest is everybody's.
	return c.child(ctx, parent, path)
}

// mayMake refuses to make a folder at the top of what belongs to a service account:
// nobody would see it, and nothing could be stored in it.
func (c *client) mayMake(path []string) error {
	if len(path) > 1 || c.topID() != rootAlias || !c.byService {
		return nil
	}
	return ingest.Misconfigured(fmt.Errorf("field %s: no folder %q is shared with the service account: share one, or set %s or %s", fieldFolder, path[0], fieldFolderID, fieldSharedDrive))
}

func (c *client) make(ctx context.Context, parent string, path []string) error {
	name := path[len(path)-1]
	doing := fmt.Sprintf("making folder %q", strings.Join(path, "/"))
	// A file of the same name has an ID of its own.
	key := "folders of " + parent
	id, err := c.ids.reserve(ctx, key, name)
	if err != nil {
		return err
	}
	file, err := c.api.Files.Create(&drive.File{Id: id, Name: name, MimeType: folderType, Parents: []string{parent}}).
		SupportsAllDrives(true).Fields(fileFields).Context(ctx).Do()
	if err = c.count(opCreate, err); err != nil && !hasStatus(err, http.StatusConflict) {
		if isMissing(err) {
			return c.gone(doing, err)
		}
		return c.failed(ctx, accessAdd, doing, err)
	}
	c.ids.release(key, name)
	if err == nil && file.Name != name {
		return ingest.Permanent(fmt.Errorf("%w: %q: the server calls it %q", ErrName, name, file.Name))
	}
	return nil
}
