package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ingest-bundle/ingest/internal/commandline"
	"github.com/ingest-bundle/ingest/internal/safety"
)

// maxConfig bounds a file of configuration. Parsed, it takes many times its size.
const maxConfig = 4 << 20

var errConfigTooLarge = fmt.Errorf("this is no configuration: it is larger than %d MiB", maxConfig>>20)

// readConfig reads a file of configuration. It fails with errConfigTooLarge, without
// reading it to the end.
func readConfig(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // nothing is written
	text, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		return nil, &os.PathError{Op: "reading", Path: path, Err: errConfigTooLarge}
	}
	return text, err
}

// tooLarge finds among the files that a command line names those that the engine must
// not even begin to read.
func tooLarge(line *commandline.Line) (findings []safety.Finding) {
	for _, arg := range line.BehindCommand() {
		for _, path := range configsAt(arg) {
			if _, err := readConfig(path); errors.Is(err, errConfigTooLarge) {
				findings = append(findings, safety.Finding{File: path, Line: 1, Text: errConfigTooLarge.Error()})
			}
		}
	}
	return findings
}
