package drive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"google.golang.org/api/drive/v3"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/systems"
)

const description = `
Objects are uploaded in chunks, and an upload that is interrupted goes on where the server has got to. The content type, the time of the last change and, as properties of the file, those user metadata are carried over that Drive takes: 30, of 124 bytes each with their name.

The MD5 that Drive computes of what it holds is compared with that of what was read; what fails the comparison is removed, or given back its previous revision. An object counts as up to date by this MD5. Where the source vouches for none, a property that only the app with these credentials sees, ` + "`ingest-copy`" + `, records which version was copied and verified.

Drive lets one folder hold several files of one name. The oldest one counts, and is updated in place, so that its ID and the links to it stay. The others are left alone. Files are created with IDs that were reserved before, so that a retry makes no second file.

Give a service account a folder of a shared drive (` + "`folder_id`" + ` or ` + "`shared_drive`" + `): service accounts have no storage of their own.

Besides the metrics below, ` + "`ingest_google_drive_client_operations_total` counts requests by `operation` and `result`" + ` (success, error). The operation ` + "`find` is the search for a file or folder by its name, and `list` the listing that it needs; the others are `get`, `create`, `update`, `delete` and `generate_ids`" + `.
`

func init() {
	err := systems.RegisterDestination(systems.Destination{
		Name:        "drive",
		Title:       "Google Drive",
		Description: description,
		Fields:      fields(),
		Examples: []systems.Example{{
			Title: "Into a folder of a shared drive",
			Config: `
output:
  ingest_drive:
    credentials_file: /etc/ingest/service-account.json
    shared_drive: ${SHARED_DRIVE_ID}
    folder: backups/2026
`,
		}, {
			Title: "Into a folder that was shared with the account",
			Config: `
output:
  ingest_drive:
    credentials_json: '${DRIVE_CREDENTIALS}'
    folder_id: ${FOLDER_ID}
    max_in_flight: 8
`,
		}},
		New: func(conf *service.ParsedConfig, res *service.Resources) (ingest.Destination, error) {
			return newDestination(conf, res)
		},
	})
	if err != nil {
		panic(err)
	}
}

type destination struct {
	*client
	memory     *component.Budget
	createOnly bool
}

var (
	_ ingest.Destination      = (*destination)(nil)
	_ ingest.ConnectionTester = (*destination)(nil)
	_ ingest.Locator          = (*destination)(nil)
)

func newDestination(conf *service.ParsedConfig, res *service.Resources) (*destination, error) {
	c, err := configFromParsed(conf)
	if err != nil {
		return nil, err
	}
	d := &destination{memory: component.NewBudget(int64(max(c.chunkMemory, c.chunkSize)))}
	if d.client, err = newClient(c, res); err != nil {
		return nil, err
	}
	overwrite, err := conf.FieldString("overwrite")
	// Another worker may store something after the name was found free.
	d.createOnly = overwrite == "never"
	return d, err
}

// Location implements ingest.Locator.
func (d *destination) Location(codec ingest.Codec) string {
	top := d.topID()
	if top == rootAlias {
		top = "my-drive"
	}
	return "drive://" + strings.Join(append(append([]string{top}, d.folder...), codec.Name), "/")
}

// TestConnection implements ingest.ConnectionTester: it looks at the folder as far
// as it is there.
func (c *client) TestConnection(ctx context.Context) error {
	_, err := c.deepest(ctx)
	return err
}

// deepest looks at the last folder of the configured path that is there.
func (c *client) deepest(ctx context.Context) (*drive.File, error) {
	top, err := c.lookAtTop(ctx)
	if err != nil {
		return nil, err
	}
	for path := c.folder; len(path) > 0; path = path[:len(path)-1] {
		id, err := c.lookUp(ctx, path)
		if errors.Is(err, errNoFolder) {
			if err := c.mayMake(path); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		folder, err := c.getFolder(ctx, id)
		if err != nil {
			return nil, c.failed(ctx, accessProbe, fmt.Sprintf("asking for folder %q", strings.Join(path, "/")), err)
		}
		return folder, nil
	}
	return top, nil
}

// isContent reports whether a file has content of its own, as documents of Google's
// own kinds and folders have not.
func isContent(f *drive.File) bool { return f.Md5Checksum != "" }

// file returns what an object is stored as in a folder, or nil.
func (d *destination) file(ctx context.Context, parent, name string) (*drive.File, error) {
	return d.find(ctx, name, "mimeType != "+quote(folderType)+" and "+quote(parent)+" in parents", isContent)
}

// Stat implements ingest.Destination.
func (d *destination) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	path, name, err := d.split(codec.Name)
	if err != nil {
		return nil, err
	}
	parent, err := d.lookUp(ctx, path)
	if errors.Is(err, errNoFolder) {
		return nil, ingest.NotFound(err)
	}
	if err != nil {
		return nil, err
	}
	file, err := d.file(ctx, parent, name)
	if err != nil {
		return nil, err
	}
	if file == nil {
		return nil, ingest.NotFound(fmt.Errorf("there is no %q in Google Drive", strings.Join(append(path, name), "/")))
	}
	stored := stored(file)
	stored.SourceVersion = copyRecord(file)
	return stored, nil
}

func stored(file *drive.File) *ingest.Stored {
	s := &ingest.Stored{URI: "https://drive.google.com/file/d/" + file.Id, Len: file.Size, VersionID: file.HeadRevisionId}
	if sum, err := hex.DecodeString(file.Md5Checksum); err == nil {
		s.MD5 = sum
	}
	return s
}

// Store implements ingest.Destination.
func (d *destination) Store(ctx context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	path, name, err := d.split(codec.Name)
	if err != nil {
		return nil, err
	}
	parent, err := d.ensure(ctx, path)
	if err != nil {
		return nil, err
	}
	// Whoever looked before another worker's file was there has its ID.
	id, err := d.ids.reserve(ctx, parent, name)
	if err != nil {
		return nil, err
	}
	held, err := d.file(ctx, parent, name)
	if err != nil {
		return nil, err
	}
	if held != nil {
		d.ids.release(parent, name)
	}
	if held != nil && d.createOnly {
		return nil, fmt.Errorf("%q was stored by somebody else meanwhile", name)
	}
	u := &upload{d: d, parent: parent, name: name, id: id, held: held, obj: &obj}
	file, err := u.run(ctx)
	if err != nil {
		return nil, err
	}
	if obj.MD5 == nil {
		d.recordCopy(ctx, file, &obj)
	}
	result := stored(file)
	result.Verified = true
	return result, nil
}
