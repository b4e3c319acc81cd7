// Package integration drives the built binary against real servers: MinIO,
// versitygw and NATS JetStream. Each test starts what it needs on free ports of
// the loopback interface, and stops it.
package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The servers are run, never linked.
var tools = []struct{ name, module string }{
	{"minio", "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"},
	{"versitygw", "github.com/versity/versitygw/cmd/versitygw@v1.8.0"},
}

// binary is the program under test, toolsDir holds the servers.
var binary, toolsDir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ingest-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing depends on it
	if err := install(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "ingest")
	if err := command("go", "build", "-o", binary, "github.com/ingest-bundle/ingest/cmd/ingest").Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the binary:", err)
		return 1
	}
	return m.Run()
}

// install builds the servers into a cache, once for a version.
func install() error {
	toolsDir = os.Getenv("INGEST_TOOLS")
	if toolsDir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		toolsDir = filepath.Join(cache, "ingest-tools")
	}
	if err := os.MkdirAll(toolsDir, 0o755); err != nil {
		return err
	}
	for _, tool := range tools {
		stamp := filepath.Join(toolsDir, tool.name+".version")
		have, _ := os.ReadFile(stamp)
		if _, err := os.Stat(filepath.Join(toolsDir, tool.name)); err == nil && string(have) == tool.module {
			continue
		}
		fmt.Println("building", tool.module, "into", toolsDir)
		cmd := command("go", "install", tool.module)
		cmd.Env = append(os.Environ(), "GOBIN="+toolsDir, "GOFLAGS=")
		cmd.Dir = toolsDir
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("building %s: %w", tool.module, err)
		}
		if err := os.WriteFile(stamp, []byte(tool.module), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}
