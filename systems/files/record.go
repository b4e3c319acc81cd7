package files

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
)

// record says of which version a file is a verified copy. It goes with the file,
// and is void once the file has another size or modification time.
type record struct {
	md5     []byte
	version string
}

func stamp(info fs.FileInfo) string {
	return fmt.Sprintf("%d-%d", info.ModTime().UnixNano(), info.Size())
}

func (r record) format(info fs.FileInfo) string {
	return fmt.Sprintf("%s %x %s", stamp(info), r.md5, r.version)
}

// parseRecord reports false if there is no record, or a void one.
func parseRecord(text string, info fs.FileInfo) (r record, ok bool) {
	parts := strings.Split(text, " ")
	if len(parts) != 3 || parts[0] != stamp(info) {
		return r, false
	}
	sum, err := hex.DecodeString(parts[1])
	return record{md5: sum, version: parts[2]}, err == nil && len(sum) == 16
}
