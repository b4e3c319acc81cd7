package integration

import (
	"fmt"
	"net"
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

// refused runs a command that fails, and returns what it printed.
func refused(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary, args...).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "ingest %s: %s", strings.Join(args, " "), out)
	assert.Equal(t, 1, exit.ExitCode())
	return string(out)
}

// What is wrong with a command line is said in one line.
func TestWrongCommandLines(t *testing.T) {
	for args, want := range map[string]string{
		"rum x.yaml":              "ingest has no command rum: did you mean run? See ingest --help\n",
		"queue inof":              "ingest queue has no command inof: did you mean info? See ingest queue --help\n",
		"run --progres x.yaml":    "ingest run has no flag --progres: did you mean --progress? See ingest run --help\n",
		"lint x.yaml --nothing":   "ingest lint has no flag --nothing. See ingest lint --help\n",
		"lint":                    "a configuration was expected, as in ingest lint ./dequeue.yaml\n",
		"run":                     "a configuration was expected, as in ingest run ./dequeue.yaml\n",
		"check":                   "a configuration was expected, as in ingest check ./dequeue.yaml\n",
		"streams --until-done":    "no configuration given: one was expected, as in ingest streams --until-done ./enqueue.yaml ./dequeue.yaml\n",
		"run a.yaml b.yaml":       "ingest run takes one configuration: ingest streams runs several in one process\n",
		"--mode=all --nothing":    "ingest has no flag --nothing. See ingest --help\n",
		"--mode=all workflows":    "\"workflows\" was not expected: the file is named by --config\n",
		"run none.yaml --chilled": "configuration file read error: none.yaml: open none.yaml: no such file or directory\n",
	} {
		assert.Equal(t, want, refused(t, strings.Fields(args)...), args)
	}
	assert.Equal(t, output(t, "--help"), output(t), "without arguments")
}

// A folder is linted with all that is in it, and flags may come last.
func TestLintOfAFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "more"), 0o700))
	good, bad := "input: { ingest_queue: { subject: a } }\n", "input: { ingest_queue: { subject: a, nothing: 1 } }\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(good), 0o600))
	assert.Empty(t, output(t, "lint", dir))
	assert.Contains(t, output(t, "lint", dir, "--verbose"), "a.yaml: OK")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "more", "b.yaml"), []byte(bad), 0o600))
	assert.Contains(t, refused(t, "lint", dir), filepath.Join("more", "b.yaml")+"(1,1) field nothing not recognised")
}

// The mode may stand behind the flag.
func TestProgressWithAWordBehindIt(t *testing.T) {
	config := filepath.Join(t.TempDir(), "once.yaml")
	require.NoError(t, os.WriteFile(config, []byte("input: { generate: { count: 1, mapping: root = 1 } }\noutput: { drop: {} }\nhttp: { enabled: false }\n"), 0o600))
	assert.Contains(t, output(t, "run", "--progress", "json", config), `"final":true`)
	assert.Contains(t, output(t, "run", config, "--progress", "plain"), "summary: ")
	assert.Contains(t, output(t, "run", "--progress", config), "summary: ")
}

// A pipeline does its work also where its port is taken, and says how to have another.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close() //nolint:errcheck // nothing is accepted
	config := filepath.Join(t.TempDir(), "once.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "input: { generate: { count: 2, interval: 500ms, mapping: root = 1 } }\noutput: { drop: {} }\nhttp: { address: %q }\n", taken.Addr()), 0o600))
	assert.Contains(t, output(t, "run", config), "--set http.address=")
}

// Variables that are not set are told once, along with what else is wrong.
func TestLintOfVariablesThatAreNotSet(t *testing.T) {
	config := filepath.Join(t.TempDir(), "unset.yaml")
	require.NoError(t, os.WriteFile(config, []byte("input:\n  ingest_queue:\n    subject: ${NO_SUCH_VARIABLE}\n    nothing: 1\n"), 0o600))
	out := refused(t, "lint", config)
	assert.Equal(t, 1, strings.Count(out, "environment variable"), out)
	assert.Contains(t, out, config+"(3,1) environment variable NO_SUCH_VARIABLE is not set: export it, ")
	assert.Contains(t, out, config+"(4,1) field nothing not recognised")
	assert.NotContains(t, refused(t, "lint", "--skip-env-var-check", config), "environment variable")
}

// What the engine's linter passes over is refused with its line.
func TestSlipsAreRefused(t *testing.T) {
	config := filepath.Join(t.TempDir(), "slips.yaml")
	require.NoError(t, os.WriteFile(config, []byte("input:\n  ingest_queue:\n    subject: a\n    subject: b\n    max_attempts: two\noutput: { drop: {} }\n"), 0o600))
	for _, command := range []string{"lint", "run", "streams"} {
		out := refused(t, command, config)
		assert.Contains(t, out, config+"(4,1) field subject is given twice, first in line 3", command)
		assert.Contains(t, out, config+"(5,1) field max_attempts: a whole number was expected", command)
	}
	assert.Contains(t, refused(t, "check", config), "field max_attempts: a whole number was expected")
}
