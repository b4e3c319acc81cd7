package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// usage is what a run took.
type usage struct {
	// Wall and CPU are in seconds; CPU is that of the tool and its children.
	Wall float64 `json:"wall"`
	CPU  float64 `json:"cpu"`
	// RSS is the peak of the resident memory in bytes.
	RSS int64 `json:"rss"`
}

// look is how often the memory of a tool is read.
const look = 10 * time.Millisecond

// measure runs the commands one after the other. What they take is added up, but for
// the memory, of which it is the larger peak.
func measure(ctx context.Context, commands []command) (u usage, err error) {
	for _, c := range commands {
		one, err := c.measure(ctx)
		if err != nil {
			return u, err
		}
		u.Wall += one.Wall
		u.CPU += one.CPU
		u.RSS = max(u.RSS, one.RSS)
	}
	return u, nil
}

// command is a program with what it is to find in its environment.
type command struct {
	program string
	args    []string
	env     []string
}

func (c command) measure(ctx context.Context) (u usage, err error) {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, c.program, c.args...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdout, cmd.Stderr = &output, &output
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	done, peak := make(chan struct{}), make(chan int64)
	go func() { peak <- watchMemory(cmd.Process.Pid, done) }()
	err = cmd.Wait()
	u.Wall = time.Since(begin).Seconds()
	close(done)
	u.RSS = <-peak
	if err != nil {
		text := output.Bytes()
		return u, fmt.Errorf("%s: %w\n%s", c.program, err, text[max(0, len(text)-4000):])
	}
	u.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return u, nil
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// watchMemory returns the peak of the resident memory of a process. The kernel keeps
// it as long as the process has memory at all. What it tells of a child that has ended,
// ru_maxrss, is of no use: it begins with the memory of who started the child.
func watchMemory(pid int, done <-chan struct{}) (peak int64) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if m := highWater.FindSubmatch(status); m != nil {
			kib, _ := strconv.ParseInt(string(m[1]), 10, 64)
			peak = kib << 10
		}
		select {
		case <-done:
			return peak
		case <-ticker.C:
		}
	}
}
