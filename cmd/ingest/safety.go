package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ingest-bundle/ingest/internal/check"
	"github.com/ingest-bundle/ingest/internal/commandline"
	"github.com/ingest-bundle/ingest/internal/safety"
)

// findDangers looks at the configurations that a command line names, for what no
// component can see by itself. Benthos has no hook for lint rules over a whole
// configuration, so this goes before it.
func findDangers(line *commandline.Line) []safety.Finding {
	if !slices.Contains([]string{"ingest run", "ingest streams", "ingest lint"}, line.Name) || line.Has("chilled") {
		return nil
	}
	if findings := tooLarge(line); len(findings) > 0 {
		return findings
	}
	files := namedFiles(line)
	var unset []safety.Finding
	for _, path := range slices.Sorted(maps.Keys(files)) {
		unset = append(unset, unsetIn(path, files[path])...)
		files[path] = expandEnv(files[path])
	}
	// The engine does not say where these are.
	if line.Has("skip-env-var-check") {
		unset = nil
	}
	if len(unset) > 0 && line.Name != "ingest lint" {
		return unset
	}
	// lint takes files that have nothing to do with each other.
	groups := []map[string][]byte{files}
	if line.Name == "ingest lint" {
		groups = nil
		for path, text := range files {
			groups = append(groups, map[string][]byte{path: text})
		}
	}
	all := unset
	for path, text := range files {
		// What cannot be read is reported by the command itself.
		slips, _ := safety.Slips(schema(), path, text)
		all = append(all, slips...)
	}
	for _, group := range groups {
		findings, err := safety.Check(schema(), group)
		if err == nil {
			all = append(all, findings...)
		}
	}
	return all
}

// namedFiles returns the contents of the files that a command line names. What is
// wrong with them is reported by the command itself.
func namedFiles(line *commandline.Line) map[string][]byte {
	_ = importEnv(envFiles(line.Words()))
	files := map[string][]byte{}
	for _, arg := range line.BehindCommand() {
		for _, path := range configsAt(arg) {
			if text, err := readConfig(path); err == nil {
				files[path] = text
			}
		}
	}
	return files
}

// unsetIn returns the environment variables that a file needs and that are not set.
func unsetIn(path string, text []byte) (findings []safety.Finding) {
	for _, l := range check.Unset(text) {
		findings = append(findings, safety.Finding{File: path, Line: l.Line, Text: l.Text + ": " + l.Mend})
	}
	return findings
}

// configsAt returns the YAML files that an argument of a command stands for: a
// file, a folder, a folder with /..., or a glob.
func configsAt(arg string) (paths []string) {
	if strings.HasPrefix(arg, "-") {
		return nil
	}
	matches, _ := filepath.Glob(strings.TrimSuffix(arg, "/..."))
	for _, m := range matches {
		_ = filepath.WalkDir(m, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml")) {
				paths = append(paths, path)
			}
			return nil
		})
	}
	return paths
}

// refuseDangers prints what was found, and reports whether the run must not be.
func refuseDangers(line *commandline.Line) bool {
	findings := findDangers(line)
	for _, f := range findings {
		fmt.Fprintln(os.Stderr, f)
	}
	for _, d := range findDoubts(line) {
		fmt.Fprintf(os.Stderr, "warning: %s\n", d)
	}
	return len(findings) > 0
}

// findDoubts looks at configurations that are run together, for what may be meant.
func findDoubts(line *commandline.Line) []safety.Finding {
	if line.Name != "ingest streams" {
		return nil
	}
	files := namedFiles(line)
	for path, text := range files {
		files[path] = expandEnv(text)
	}
	// What cannot be read is reported by the command itself.
	doubts, _ := safety.Doubts(schema(), files)
	return doubts
}
