package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/internal/completion"
)

// completionCommand prints the script for a shell.
func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "Print a script that completes command lines in a shell",
		ArgsUsage: strings.Join(completion.Shells, "|"),
		Description: `
Commands, flags and, for create, the names of components are completed. To have it
in every session:

  ingest completion bash > /etc/bash_completion.d/ingest
  ingest completion zsh > "${fpath[1]}/_ingest"
  ingest completion fish > ~/.config/fish/completions/ingest.fish
  ingest completion powershell >> $PROFILE`[1:],
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return fmt.Errorf("one shell was expected: ingest completion %s", strings.Join(completion.Shells, "|"))
			}
			script, err := completion.Script(c.Args().First())
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.App.Writer, script)
			return err
		},
	}
}

// completeCommand answers the scripts. The words come on its standard input, one a
// line: as arguments they would be read as a command line to run.
func completeCommand() *cli.Command {
	return &cli.Command{
		Name:   "complete",
		Hidden: true,
		Action: func(c *cli.Context) error {
			var words []string
			lines := bufio.NewScanner(os.Stdin)
			for lines.Scan() {
				words = append(words, lines.Text())
			}
			if err := lines.Err(); err != nil {
				return err
			}
			for _, found := range completion.Complete(c.App, arguments, words) {
				// A description is one line.
				description := strings.Join(strings.Fields(found.Description), " ")
				if _, err := fmt.Fprintf(c.App.Writer, "%s\t%s\n", found.Word, description); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// arguments are those of commands that take something else than files.
var arguments = map[string]completion.Arguments{
	"create":     componentNames,
	"list":       fixed("inputs", "processors", "outputs", "caches", "rate-limits", "buffers", "metrics", "tracers", "scanners", "bloblang-functions", "bloblang-methods"),
	"completion": fixed(completion.Shells...),
}

func fixed(words ...string) completion.Arguments {
	return func(string) []completion.Candidate {
		var all []completion.Candidate
		for _, w := range words {
			all = append(all, completion.Candidate{Word: w})
		}
		return all
	}
}

// componentNames completes the last name in an expression such as
// input,input/processor/output.
func componentNames(typed string) (all []completion.Candidate) {
	kinds := []func(func(string, *service.ConfigView)){
		service.GlobalEnvironment().WalkInputs,
		service.GlobalEnvironment().WalkProcessors,
		service.GlobalEnvironment().WalkOutputs,
	}
	kind := strings.Count(typed, "/")
	if kind >= len(kinds) {
		return nil
	}
	before := typed[:strings.LastIndexAny(typed, "/,")+1]
	kinds[kind](func(name string, view *service.ConfigView) {
		if !view.IsDeprecated() {
			all = append(all, completion.Candidate{Word: before + name, Description: view.Summary()})
		}
	})
	slices.SortFunc(all, func(a, b completion.Candidate) int { return strings.Compare(a.Word, b.Word) })
	return all
}
