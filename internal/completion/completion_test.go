package completion

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

func TestComplete(t *testing.T) {
	app := &cli.App{
		Flags: []cli.Flag{&cli.StringFlag{Name: "config", Aliases: []string{"c"}}, &cli.BoolFlag{Name: "version"}, &cli.BoolFlag{Name: "verify", Hidden: true}},
		Commands: []*cli.Command{
			{Name: "queue", Subcommands: []*cli.Command{{Name: "create"}, {Name: "dead", Subcommands: []*cli.Command{{Name: "ls"}}}}},
			{Name: "create", Flags: []cli.Flag{&cli.BoolFlag{Name: "small"}}},
			{Name: "run", Aliases: []string{"r"}, Flags: []cli.Flag{&cli.StringFlag{Name: "set", Aliases: []string{"s"}}}},
			{Name: "secret", Hidden: true},
		},
	}
	arguments := map[string]Arguments{
		"create": func(string) []Candidate { return []Candidate{{Word: "stdin"}, {Word: "file"}} },
	}
	for words, want := range map[string]string{
		"":                    "queue create run",
		"c":                   "create",
		"s":                   "",
		"--":                  "--config --version",
		"--ver":               "--version",
		"queue ":              "create dead",
		"queue dead ":         "ls",
		"queue nothing ":      "",
		"queue create ":       "",
		"create ":             "stdin file",
		"create --small f":    "file",
		"create stdin x":      "",
		"run ":                "",
		"r --":                "--set",
		"run --set que":       "",
		"-c que":              "",
		"-c x.yaml que":       "queue",
		"--config=x.yaml que": "queue",
		"--config = x que":    "queue",
		"--version que":       "queue",
		"--unknown que":       "queue",
	} {
		var got []string
		for _, c := range Complete(app, arguments, strings.Split(words, " ")) {
			got = append(got, c.Word)
		}
		assert.Equal(t, want, strings.Join(got, " "), "%q", words)
	}
	assert.Empty(t, Complete(app, arguments, nil))
}

func TestScript(t *testing.T) {
	for _, shell := range Shells {
		script, err := Script(shell)
		require.NoError(t, err)
		assert.Contains(t, script, "ingest")
	}
	_, err := Script("../completion.go")
	assert.ErrorContains(t, err, "only for bash, zsh, fish, powershell")
}
