package files

import (
	"context"
	"crypto/md5" //nolint:gosec // the digest that stores compare, no secret
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems"
)

const (
	fieldPrefix    = "prefix"
	fieldFileMode  = "file_mode"
	fieldDirMode   = "folder_mode"
	fieldOverwrite = "overwrite"

	modeLint = `root = if !this.re_match("^(0?[0-7]{3})?$") { [ "permissions in octal, such as 0640, were expected" ] }`
)

const destinationDescription = `
Works with local file systems and with what is mounted. A file is written under a hidden name (` + "`.ingest-tmp-…`" + `) in the folder where it is to be, compared with the length and the digest of what was read, brought to disk, and only then renamed: under its own name there is the whole file or none. What a killed process left under hidden names is removed when the next one stores its first file. ` + "`ingest_files`" + ` inputs never list these names.

The modification time is that of the source's object, and the permissions too where the source tells them: it does if it is a file, also one that came through a bucket (metadata ` + "`Mtime` and `Mode`" + `, as of rclone). Content type, other metadata and tags are not kept.

A name that leads out of the folder or is no file's is an error that no retry can fix: absolute, with ` + "`.`, `..`" + ` or empty segments, a slash at its end, a NUL, a segment of more than 255 bytes, a reserved name on Windows, through a symbolic link that leads out. A symbolic link under the name itself is replaced. *Limits:* where a file system does not tell upper case from lower case, or composed characters from others, two names can be one file, and the later one replaces the earlier.

A full disk, an exceeded quota and a denied write pause consumption.

### What is up to date

An extended attribute (` + "`user.ingest.copy`" + `) records the MD5 of the copy and the version that it is a copy of, with size and modification time of the file: once these change, the record is void. Where it is missing (on other systems than Linux and macOS, on file systems without extended attributes, for files that something else has put there), the MD5 is computed for each look, which reads the file. Objects of sources that know no MD5 are then copied by every scan.
`

func init() {
	err := systems.RegisterDestination(systems.Destination{
		Name:        "files",
		Title:       "a folder of files",
		Description: destinationDescription,
		Fields: []*service.ConfigField{
			service.NewStringField(fieldPath).
				Description("The folder. It must exist, so that nothing is written where a file system is not mounted: name a folder in it, and not the mount point.").
				Example("/srv/incoming"),
			service.NewStringField(fieldPrefix).
				Description("What the paths begin with, from the folder on; the name follows directly, so a folder ends with a slash.").
				Default("").
				LintRule(`root = if this.has_prefix("/") { [ "a path from the folder on was expected, without a slash before it" ] }`),
			service.NewStringField(fieldFileMode).
				Description("The permissions of files, in octal. If empty, those that the source tells, or else those that the umask leaves.").
				Default("").Example("0640").Advanced().LintRule(modeLint),
			service.NewStringField(fieldDirMode).
				Description("The permissions of folders that are made, in octal. If empty, those that the umask leaves.").
				Default("").Example("0750").Advanced().LintRule(modeLint),
		},
		Examples: []systems.Example{{
			Title: "Into a folder",
			Config: `
output:
  ingest_files:
    path: /srv/incoming
    prefix: from-s3/
    file_mode: "0640"
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
	base
	prefix            string
	fileMode, dirMode *fs.FileMode
	createOnly        bool
	log               *service.Logger

	tidy, noRecord sync.Once
}

var (
	_ ingest.Destination = (*destination)(nil)
	_ ingest.Locator     = (*destination)(nil)
)

func newDestination(conf *service.ParsedConfig, res *service.Resources) (*destination, error) {
	d := &destination{log: res.Logger()}
	var err error
	if d.base, err = baseFromParsed(conf); err != nil {
		return nil, err
	}
	if d.prefix, err = conf.FieldString(fieldPrefix); err != nil {
		return nil, err
	}
	for field, into := range map[string]**fs.FileMode{fieldFileMode: &d.fileMode, fieldDirMode: &d.dirMode} {
		text, err := conf.FieldString(field)
		if err != nil {
			return nil, err
		}
		if text == "" {
			continue
		}
		bits, err := strconv.ParseUint(text, 8, 9)
		if err != nil {
			return nil, fmt.Errorf("field %s: %q are no permissions: octal digits such as 0640 were expected", field, text)
		}
		mode := fs.FileMode(bits)
		*into = &mode
	}
	overwrite, err := conf.FieldString(fieldOverwrite)
	// Two workers may find the name free at the same time.
	d.createOnly = overwrite == "never"
	return d, err
}

// Location implements ingest.Locator.
func (d *destination) Location(codec ingest.Codec) string { return d.uri(d.prefix + codec.Name) }

// openFor opens the folder for a file, unless that cannot be in it.
func (d *destination) openFor(ctx context.Context, codec ingest.Codec) (*os.Root, string, error) {
	name := d.prefix + codec.Name
	if err := checkName(name); err != nil {
		return nil, "", err
	}
	root, err := d.open(ctx)
	return root, name, err
}

// Stat implements ingest.Destination.
func (d *destination) Stat(ctx context.Context, codec ingest.Codec) (*ingest.Stored, error) {
	root, name, err := d.openFor(ctx, codec)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written to it
	info, err := root.Lstat(name)
	switch {
	case isMissing(err) || (err == nil && info.IsDir()):
		return nil, d.missing(name)
	case err != nil:
		return nil, d.failed(ctx, accessRead, "looking at", name, err)
	case !info.Mode().IsRegular():
		// It is in the way, and nothing vouches for it.
		return &ingest.Stored{URI: d.uri(name), Len: info.Size(), ModTime: info.ModTime()}, nil
	}
	file, err := root.OpenFile(name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, d.failed(ctx, accessRead, "opening", name, err)
	}
	defer file.Close() //nolint:errcheck // nothing is written
	stored, err := d.inspect(ctx, root, name, file)
	if err != nil {
		return nil, d.failed(ctx, accessRead, "reading", name, err)
	}
	return stored, nil
}

// written is the time after which what was written is on the disk by itself.
const written = 5 * time.Minute

// inspect finds out what a file holds: its record tells, or all of it is read.
func (d *destination) inspect(ctx context.Context, root *os.Root, name string, file *os.File) (*ingest.Stored, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if time.Since(changedAt(info)) < written {
		// An attempt that was killed may have come to the renaming, and not
		// to bringing that to the disk.
		if err := file.Sync(); err != nil {
			return nil, err
		}
		if err := syncFolder(root, path.Dir(name)); err != nil {
			return nil, err
		}
	}
	stored := &ingest.Stored{URI: d.uri(name), Len: info.Size(), ModTime: info.ModTime()}
	if r, ok := parseRecord(readRecord(file), info); ok {
		stored.MD5, stored.SourceVersion = r.md5, r.version
		return stored, nil
	}
	sum := md5.New() //nolint:gosec // as above
	if _, err := io.Copy(&sink{ctx: ctx, w: sum}, ingest.ProgressReader(ctx, file)); err != nil {
		return nil, err
	}
	stored.MD5 = sum.Sum(nil)
	return stored, nil
}
