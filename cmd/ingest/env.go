package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// envVar matches the environment variables in a configuration, as Benthos does:
// ${NAME} and ${NAME:default}.
var envVar = regexp.MustCompile(`\$\{([0-9A-Za-z_.]+)(:((\$\\}|[^}])*))?\}`)

func expandEnv(text []byte) []byte { return expand(text, os.LookupEnv) }

func expand(text []byte, lookup func(string) (string, bool)) []byte {
	return envVar.ReplaceAllFunc(text, func(m []byte) []byte {
		parts := envVar.FindSubmatch(m)
		if v, ok := lookup(string(parts[1])); ok && v != "" {
			return []byte(v)
		}
		return parts[3]
	})
}

// envFiles returns what the arguments of a command name with --env-file.
func envFiles(args []string) (patterns []string) {
	for i, arg := range args {
		name, pattern, ok := strings.Cut(arg, "=")
		if !slices.Contains([]string{"-e", "--e", "-env-file", "--env-file"}, name) {
			continue
		}
		if !ok && i+1 < len(args) {
			pattern = args[i+1]
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

// importEnv sets the variables of dotenv files, as Benthos does for its own
// commands. The files may be named by glob patterns.
func importEnv(patterns []string) error {
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("dotenv file %s: %w", pattern, err)
		}
		if len(paths) == 0 {
			return fmt.Errorf("there is no dotenv file %s", pattern)
		}
		for _, path := range paths {
			if err := importEnvFile(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func importEnvFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading dotenv file: %w", err)
	}
	vars, err := service.ParseEnvFile(text)
	if err != nil {
		return fmt.Errorf("reading dotenv file %s: %w", path, err)
	}
	for name, value := range vars {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
