package main

import (
	"math"
	"runtime"
	"syscall"
)

// machine is where a result comes from, as far as it matters.
type machine struct {
	Cores  int    `json:"cores"`
	Memory int    `json:"memory_gib"`
	System string `json:"system"`
	Go     string `json:"go"`
}

func thisMachine() (machine, error) {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return machine{}, err
	}
	return machine{
		Cores:  runtime.NumCPU(),
		Memory: int(math.Round(float64(info.Totalram) * float64(info.Unit) / (1 << 30))),
		System: runtime.GOOS + "/" + runtime.GOARCH,
		Go:     runtime.Version(),
	}, nil
}

// free returns how many bytes fit into the file system of a folder.
func free(dir string) (int64, error) {
	var fs syscall.Statfs_t
	err := syscall.Statfs(dir, &fs)
	return int64(fs.Bavail) * fs.Bsize, err
}
