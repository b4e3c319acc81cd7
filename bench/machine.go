package main

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// machine is where a result comes from, as far as it matters.
type machine struct {
	Cores  int    `json:"cores"`
	Memory int    `json:"memory_gib"`
	System string `json:"system"`
	Go     string `json:"go"`
}

func thisMachine() (machine, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return machine{}, err
	}
	return machine{
		Cores:  runtime.NumCPU(),
		Memory: int(math.Round(float64(info.Totalram) * float64(info.Unit) / (1 << 30))),
		System: runtime.GOOS + "/" + runtime.GOARCH,
		Go:     runtime.Version(),
	}, nil
}

// free returns how many bytes fit into the file system of a folder, and into memory if
// that is where it is.
func free(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	room := int64(fs.Bavail) * fs.Bsize
	if fs.Type != unix.TMPFS_MAGIC {
		return room, nil
	}
	memory, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	m := available.FindSubmatch(memory)
	if m == nil {
		return 0, fmt.Errorf("/proc/meminfo does not tell what is available")
	}
	kib, err := strconv.ParseInt(string(m[1]), 10, 64)
	return min(room, kib<<10), err
}

var available = regexp.MustCompile(`MemAvailable:\s+(\d+) kB`)
