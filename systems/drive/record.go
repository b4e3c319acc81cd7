package drive

import (
	"context"
	"strings"

	"google.golang.org/api/drive/v3"

	"github.com/ingest-bundle/ingest"
)

// copyProperty is the property that records a verified copy where the source vouches
// for no MD5: <MD5 of the copy>:<version of the source's object>. It is written after
// verification, so it never vouches for what an attempt that failed left, and the MD5
// in it makes it void for any other content.
const copyProperty = "ingest-copy"

// recordCopy writes the record. Without it the object is copied again by the next
// scan, which is no loss, so that failing is no failure of the copy.
func (c *client) recordCopy(ctx context.Context, file *drive.File, obj *ingest.Object) {
	version := obj.Version()
	if version == "" {
		return
	}
	change := &drive.File{
		AppProperties: map[string]string{copyProperty: file.Md5Checksum + ":" + version},
		ModifiedTime:  file.ModifiedTime,
	}
	_, err := c.api.Files.Update(file.Id, change).SupportsAllDrives(true).Fields("id").Context(ctx).Do()
	if c.count(opUpdate, err) != nil {
		c.log.Warnf("every scan will copy %q again, since no record is kept of what was copied: %v", file.Name, withoutURL(err))
	}
}

// copyRecord returns the version that a file is recorded as a copy of, or "".
func copyRecord(file *drive.File) string {
	version, ok := strings.CutPrefix(file.AppProperties[copyProperty], file.Md5Checksum+":")
	if !ok {
		return ""
	}
	return version
}
