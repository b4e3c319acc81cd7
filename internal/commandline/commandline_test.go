package commandline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/internal/commandline"
)

// mode is a flag that can be given without a value.
type mode struct{}

func (mode) String() string         { return "" }
func (mode) Set(string) error       { return nil }
func (mode) IsBoolFlag() bool       { return true }
func (mode) Takes(word string) bool { return slices.Contains([]string{"bar", "plain"}, word) }

func app() *cli.App {
	run := &cli.Command{Name: "run", Aliases: []string{"r"}, Action: func(*cli.Context) error { return nil }, Flags: []cli.Flag{
		&cli.StringSliceFlag{Name: "set", Aliases: []string{"s"}},
		&cli.BoolFlag{Name: "chilled"},
		&cli.GenericFlag{Name: "progress", Value: mode{}},
		&cli.BoolFlag{Name: "processes", Hidden: true},
	}}
	return &cli.App{
		Name:  "ingest",
		Flags: []cli.Flag{&cli.StringFlag{Name: "config", Aliases: []string{"c"}}},
		Commands: []*cli.Command{
			run,
			{Name: "runner", Hidden: true},
			{Name: "queue", Subcommands: []*cli.Command{{Name: "info"}, {Name: "ls"}}},
			{Name: "blobl", Action: run.Action, Subcommands: []*cli.Command{{Name: "server"}}},
		},
	}
}

func TestParse(t *testing.T) {
	for given, want := range map[string]string{
		"":                               "",
		"run x.yaml":                     "run x.yaml",
		"run x.yaml --chilled -s a=b y":  "run --chilled -s a=b x.yaml y",
		"-c x run --set -a x.yaml":       "-c x run --set -a x.yaml",
		"run --progress bar x.yaml":      "run --progress=bar x.yaml",
		"run --progress x.yaml":          "run --progress x.yaml",
		"run x.yaml --progress":          "run --progress x.yaml",
		"run --progress=plain bar":       "run --progress=plain bar",
		"run x.yaml -- --chilled":        "run -- x.yaml --chilled",
		"run - --chilled":                "run --chilled -",
		"queue":                          "queue",
		"queue info info ls":             "queue info info ls",
		"blobl mapping server":           "blobl mapping server",
		"blobl server":                   "blobl server",
		"queue info x --help":            "queue info --help",
		"run --chilled x.yaml -h --nope": "run -h",
		"help queue nothing":             "help queue nothing",
		"queue help info":                "queue help info",
		"--nope=help":                    "error: ingest has no flag --nope=help. See ingest --help",
		"frobnicate":                     "error: ingest has no command frobnicate. See ingest --help",
		"rum x.yaml":                     "error: ingest has no command rum: did you mean run? See ingest --help",
		"queue inof":                     "error: ingest queue has no command inof: did you mean info? See ingest queue --help",
		"r x.yaml --progres":             "error: ingest run has no flag --progres: did you mean --progress? See ingest run --help",
		"run --config x":                 "error: ingest run has no flag --config. See ingest run --help",
		"run x.yaml --set":               "error: flag --set needs a value. See ingest run --help",
	} {
		words := append([]string{"ingest"}, strings.Fields(given)...)
		line, err := commandline.Parse(app(), words)
		if message, fails := strings.CutPrefix(want, "error: "); fails {
			assert.EqualError(t, err, message, given)
			continue
		}
		require.NoError(t, err, given)
		assert.Equal(t, append([]string{"ingest"}, strings.Fields(want)...), line.Words(), given)
	}
}

func TestLine(t *testing.T) {
	line, err := commandline.Parse(app(), strings.Fields("ingest -c x r a.yaml -s k=v --chilled=false b.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "ingest run", line.Name)
	assert.Equal(t, []string{"a.yaml", "b.yaml"}, line.Arguments)
	assert.Equal(t, strings.Fields("-s k=v --chilled=false a.yaml b.yaml"), line.BehindCommand())
	assert.True(t, line.Has("set"))
	assert.True(t, line.Has("nothing", "c"))
	assert.False(t, line.Has("chilled"), "it is switched off")
	assert.False(t, line.Help)
}
