//go:build !linux && !darwin

package files

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/ingest-bundle/ingest"
)

const nonBlocking = 0

func inodeOf(fs.FileInfo) (uint64, bool) { return 0, false }

func changedAt(info fs.FileInfo) time.Time { return info.ModTime() }

func writeRecord(*os.File, string) error { return errors.ErrUnsupported }

func readRecord(*os.File) string { return "" }

func lock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func syncFolder(*os.Root, string) error { return nil }

func mayWrite(*os.File) error { return ingest.ErrNotTested }
