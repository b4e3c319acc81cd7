package files

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems"
)

const (
	fieldFollowSymlinks  = "follow_symlinks"
	fieldInodes          = "inodes"
	fieldRemoveEmptyDirs = "remove_empty_dirs"
	fieldRecursive       = "recursive"
	fieldInclude         = "include"
	fieldExclude         = "exclude"
	fieldSettle          = "settle"
	fieldInterval        = "interval"
)

const sourceDescription = `
Works with local file systems and with what is mounted. An element's ID and name are the file's path from the folder on, with forward slashes. Pipes, sockets and devices are left alone. No name and no symbolic link leads out of the folder.

A version of a file is its modification time, its size and its inode. A file that is written to, or replaced, while it is copied is begun again. Modification time and permissions go along as the metadata ` + "`Mtime` and `Mode`" + `, in rclone's form, which an ` + "`ingest_files`" + ` output applies.

What may still be being written is left for a later scan: see ` + "`settle`" + `. Nothing replaces writing to another name, or folder, and renaming when the file is whole.

Clean-up moves the file into a folder ` + "`.ingest-clean-up-…`" + ` beside it, compares it there with the version that was copied, and removes it, or puts it back. What an interrupted clean-up left there is put back by the next scan, a minute later at the earliest. *Limits:* a program that keeps a file open for longer than ` + "`settle`" + ` without writing, and goes on after it was copied, writes into a file that is removed; so does one that writes between the comparison and the removal.

A folder that cannot be read is left out of the scan, with an error.
`

func init() {
	err := systems.RegisterSource(systems.Source{
		Name:        "files",
		Title:       "a folder of files",
		Description: sourceDescription,
		Fields: []*service.ConfigField{
			service.NewStringField(fieldPath).
				Description("The folder. It must exist, so that a file system that is not mounted is no empty folder: name a folder in it, and not the mount point.").
				Example("/var/spool/outgoing"),
			service.NewBoolField(fieldFollowSymlinks).
				Description("Take symbolic links for what they lead to, inside the folder; one that leads out of it, or has an absolute target, is an error. Otherwise they are left alone. Clean-up removes the link.").
				Default(false).Advanced(),
			service.NewBoolField(fieldInodes).
				Description("Tell versions apart by inode too. Set it to false where a file does not keep its inode, as with some network and FUSE file systems.").
				Default(true).Advanced(),
			service.NewBoolField(fieldRemoveEmptyDirs).
				Description("Remove folders that a clean-up has emptied. A program that is about to put a file there finds the folder gone.").
				Default(false).Advanced(),
		},
		ScanFields: []*service.ConfigField{
			service.NewBoolField(fieldRecursive).
				Description("List also what is in folders in the folder.").
				Default(true),
			service.NewStringListField(fieldInclude).
				Description("List only files whose path from the folder on matches one of these [patterns](https://pkg.go.dev/github.com/bmatcuk/doublestar/v4#Match): `*` stands for anything but slashes, `**` for any number of folders. If empty, all.").
				Default([]any{}).
				Example([]any{"*.csv", "reports/**/*.{pdf,xml}"}),
			service.NewStringListField(fieldExclude).
				Description("Leave out files that match one of these patterns, and folders with all that is in them.").
				Default([]any{}).
				Example([]any{"**/*.tmp", "lost+found"}),
			service.NewDurationField(fieldSettle).
				Description("Leave out, until a later scan, files that were written to or renamed within this time: they may still be being written. The time is the file system's own, which programs cannot set back (modification times only, on Windows). A scan that runs once reports such files as errors.").
				Default("10s"),
		},
		InputExamples: []systems.Example{{
			Title:   "Scan every ten seconds",
			Summary: "Files that are half an hour old at least, and no temporary ones.",
			Config: `
input:
  ingest_files:
    path: /var/spool/outgoing
    exclude: [ "**/*.tmp", "**/*.part" ]
    settle: 30m
    interval: 10s
output:
  ingest_queue:
    urls: [ nats://localhost:4222 ]
    subject: ingest.outgoing
`,
		}},
		ProcessorExamples: []systems.Example{{
			Title:   "Move files into a bucket",
			Summary: "Each is removed when its copy is verified.",
			Config: `
input:
  ingest_queue:
    urls: [ nats://localhost:4222 ]
    subject: ingest.outgoing
pipeline:
  processors:
    - ingest_files:
        path: /var/spool/outgoing
output:
  ingest_fan_out:
    outputs:
      - ingest_s3:
          endpoint: destination.example.com
          bucket: copy
    clean_up: true
`,
		}},
		New: func(conf *service.ParsedConfig, _ *service.Resources) (ingest.Source, error) {
			return newSource(conf)
		},
	})
	if err != nil {
		panic(err)
	}
}
