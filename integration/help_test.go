package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// output runs a command that ends soon, and returns what it printed.
func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary, args...).CombinedOutput()
	require.NoError(t, err, "ingest %s: %s", strings.Join(args, " "), out)
	return string(out)
}

// What is created is a start that lints, whatever is still to be filled in.
func TestCreateLints(t *testing.T) {
	for _, expression := range []string{
		"ingest_s3/ingest_s3/ingest_fan_out",
		"ingest_s3//ingest_queue",
		"ingest_queue/ingest_s3/ingest_fan_out",
		"ingest_queue/ingest_s3/ingest_s3",
		"ingest_dequeue//ingest_enqueue",
	} {
		for _, flags := range [][]string{nil, {"--small"}} {
			config := filepath.Join(t.TempDir(), "created.yaml")
			created := output(t, append(append([]string{"create"}, flags...), expression)...)
			require.NoError(t, os.WriteFile(config, []byte(created), 0o600))
			assert.Empty(t, output(t, "lint", config), "%s %v", expression, flags)
		}
	}
}

var commandLine = regexp.MustCompile(`(?m)^   ([a-z]+)(?:, [a-z]+)? {2,}\S`)

// Every command explains itself, with an example.
func TestHelp(t *testing.T) {
	commands := [][]string{{}}
	seen := 0
	for len(commands) > 0 {
		command := commands[0]
		commands = commands[1:]
		help := output(t, append(command, "--help")...)
		seen++
		name := "ingest " + strings.Join(command, " ")
		assert.NotContains(t, help, " a ingest ", name)
		assert.NotContains(t, help, "mundane", name)
		_, subcommands, has := strings.Cut(help, "COMMANDS:\n")
		if has {
			subcommands, _, _ = strings.Cut(subcommands, "OPTIONS:")
			for _, m := range commandLine.FindAllStringSubmatch(subcommands, -1) {
				if m[1] != "help" {
					commands = append(commands, append(append([]string{}, command...), m[1]))
				}
			}
		}
		// The engine has none for this one.
		if len(command) > 0 && name != "ingest blobl server" {
			_, text, _ := strings.Cut(help, "DESCRIPTION:")
			assert.Contains(t, text, "ingest "+command[0], "%s: an example", name)
		}
	}
	assert.Greater(t, seen, 12)
}
