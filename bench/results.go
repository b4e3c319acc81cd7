package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// result is one run of one tool. Runs with the same round and workload happened right
// after each other, and are compared with each other only.
type result struct {
	Round string `json:"round"`
	// Version is that of ingest, also where another tool ran.
	Version  string `json:"version"`
	Server   string `json:"server"`
	Workload string `json:"workload"`
	Tool     string `json:"tool"`
	usage
	// Requests are those of a run of its own, through a proxy, which is not measured:
	// by side and kind.
	Requests map[string]map[string]int `json:"requests,omitempty"`
	// Sent is how many bytes the source sent, where that was limited.
	Sent    int64   `json:"sent,omitempty"`
	Machine machine `json:"machine"`
}

// appendResult adds a line to the file.
func appendResult(path string, r result) (err error) {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(append(line, '\n'))
	return err
}

// readResults returns nothing where there is no file yet.
func readResults(path string) ([]result, error) {
	all, err := readLines[result](path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}

// readLines returns what the lines of a file hold, each a value in JSON.
func readLines[T any](path string) (all []T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var one T
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		all = append(all, one)
	}
	return all, lines.Err()
}
