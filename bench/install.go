package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// program is a server or a peer. It is run, and never linked.
type program struct{ module, folder, version string }

var pinned = map[string]program{
	"versitygw": {"github.com/versity/versitygw", "/cmd/versitygw", "v1.8.0"},
	"minio":     {"github.com/minio/minio", "", "v0.0.0-20260212201848-7aac2a2c5b7c"},
	"rclone":    {"github.com/rclone/rclone", "", "v1.75.1"},
	"s5cmd":     {"github.com/peak/s5cmd/v2", "", "v2.3.0"},
	"mc":        {"github.com/minio/mc", "", "v0.0.0-20250313080218-cf909e1063a9"},
}

// programs returns the paths of all that is run, and builds what is missing.
func programs(cache, dir, ingest string, names ...string) (paths map[string]string, err error) {
	if cache == "" {
		if cache, err = os.UserCacheDir(); err != nil {
			return nil, err
		}
		cache = filepath.Join(cache, "ingest-tools")
	}
	paths = map[string]string{}
	if paths["ingest"], err = filepath.Abs(ingest); err != nil {
		return nil, err
	}
	if paths["floor"], err = buildFloor(dir); err != nil {
		return nil, err
	}
	for _, name := range names {
		if paths[name] != "" {
			continue
		}
		if paths[name], err = install(cache, name); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// version returns what a binary of ingest says that it is.
func version(ctx context.Context, program string) (string, error) {
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", program, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// install builds a pinned program into a folder, once for a version, and returns its
// path. The integration tests keep theirs there in the same way.
func install(dir, name string) (string, error) {
	p := pinned[name]
	path, stamp := filepath.Join(dir, name), filepath.Join(dir, name+".version")
	want := p.module + p.folder + "@" + p.version
	have, _ := os.ReadFile(stamp)
	if _, err := os.Stat(path); err == nil && string(have) == want {
		return path, nil
	}
	fmt.Fprintln(os.Stderr, "building", want, "into", dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := p.build(path); err != nil {
		return "", fmt.Errorf("building %s: %w", want, err)
	}
	return path, os.WriteFile(stamp, []byte(want), 0o644)
}

// build builds the program in a module that does nothing but require it: go install
// asks for all versions of a module, which not every proxy answers.
func (p program) build(path string) error {
	scratch, err := os.MkdirTemp("", "ingest-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // nothing depends on it
	mod := fmt.Sprintf("module scratch\n\ngo 1.26\n\nrequire %s %s\n", p.module, p.version)
	if err := os.WriteFile(filepath.Join(scratch, "go.mod"), []byte(mod), 0o644); err != nil {
		return err
	}
	return goBuild(scratch, "-mod=mod", "-o", path, p.module+p.folder)
}

// buildFloor builds the floor of this module.
func buildFloor(dir string) (string, error) {
	path := filepath.Join(dir, "floor")
	return path, goBuild(".", "-o", path, "./floor")
}

func goBuild(dir string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-buildvcs=false"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
