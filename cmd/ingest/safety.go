package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ingest-bundle/ingest/internal/safety"
)

// findDangers looks at the configurations that a command line names, for what no
// component can see by itself. Benthos has no hook for lint rules over a whole
// configuration, so this goes before it.
func findDangers(args []string) []safety.Finding {
	command := slices.IndexFunc(args, func(a string) bool { return a == "run" || a == "streams" || a == "lint" })
	if command < 0 || slices.Contains(args, "--chilled") {
		return nil
	}
	// What is wrong with the files is reported by the command itself.
	_ = importEnv(envFiles(args))
	files := map[string][]byte{}
	for _, arg := range args[command+1:] {
		for _, path := range configsAt(arg) {
			if text, err := os.ReadFile(path); err == nil {
				files[path] = expandEnv(text)
			}
		}
	}
	// lint takes files that have nothing to do with each other.
	groups := []map[string][]byte{files}
	if args[command] == "lint" {
		groups = nil
		for path, text := range files {
			groups = append(groups, map[string][]byte{path: text})
		}
	}
	var all []safety.Finding
	for _, group := range groups {
		// What cannot be read is reported by the command itself.
		findings, err := safety.Check(schema(), group)
		if err == nil {
			all = append(all, findings...)
		}
	}
	return all
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
func refuseDangers(args []string) bool {
	findings := findDangers(args)
	for _, f := range findings {
		fmt.Fprintln(os.Stderr, f)
	}
	return len(findings) > 0
}
