// Package completion completes command lines in shells. Their scripts are thin: they
// pipe the words that were typed to the program, and offer what it answers.
package completion

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/internal/commandline"
)

//go:embed scripts
var scripts embed.FS

// Shells are those that there is a script for.
var Shells = []string{"bash", "zsh", "fish", "powershell"}

// Script returns the script for a shell. It fails if there is none.
func Script(shell string) (string, error) {
	if !slices.Contains(Shells, shell) {
		return "", fmt.Errorf("there is no completion for the shell %q, only for %s", shell, strings.Join(Shells, ", "))
	}
	script, err := fs.ReadFile(scripts, "scripts/ingest."+shell)
	return string(script), err
}

// Candidate is what a word can be completed to.
type Candidate struct{ Word, Description string }

// Arguments returns what an argument of a command can be. It may leave it to Complete
// to drop what does not fit the part that was typed.
type Arguments func(typed string) []Candidate

// Complete returns what the last of the words can be completed to; it may be empty.
// The words begin after the name of the program. Arguments of a command are
// known by its full name, such as "create". Without candidates, the shell offers
// files.
func Complete(app *cli.App, arguments map[string]Arguments, words []string) []Candidate {
	if len(words) == 0 {
		return nil
	}
	typed := words[len(words)-1]
	at := position{commands: app.Commands, flags: app.Flags}
	for _, word := range words[:len(words)-1] {
		at.pass(word)
	}
	var all []Candidate
	switch {
	case at.value:
	case strings.HasPrefix(typed, "-"):
		all = at.flagNames()
	case len(at.commands) > 0 && !at.argument:
		all = at.commandNames()
	default:
		if of, ok := arguments[strings.Join(at.path, " ")]; ok {
			all = of(typed)
		}
	}
	return slices.DeleteFunc(all, func(c Candidate) bool { return !strings.HasPrefix(c.Word, typed) })
}

// position is where a word stands.
type position struct {
	path     []string
	commands []*cli.Command
	flags    []cli.Flag
	// value says that the word is the value of a flag, argument that there
	// were arguments before it.
	value, argument bool
}

// pass goes on to the next word.
func (p *position) pass(word string) {
	switch {
	case p.value:
		p.value = word == "=" // bash takes --flag=value for three words
	case strings.HasPrefix(word, "-"):
		p.value = !strings.Contains(word, "=") && p.takesValue(strings.TrimLeft(word, "-"))
	default:
		i := slices.IndexFunc(p.commands, func(c *cli.Command) bool { return c.HasName(word) })
		if i < 0 || p.argument {
			p.argument = true
			return
		}
		c := p.commands[i]
		p.path, p.commands, p.flags = append(p.path, c.Name), c.Subcommands, c.Flags
	}
}

func (p *position) takesValue(name string) bool {
	i := slices.IndexFunc(p.flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	return i >= 0 && commandline.TakesValue(p.flags[i])
}

func (p *position) flagNames() (all []Candidate) {
	for _, f := range p.flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		usage := ""
		if d, ok := f.(cli.DocGenerationFlag); ok {
			usage = d.GetUsage()
		}
		for _, name := range f.Names() {
			if len(name) > 1 {
				all = append(all, Candidate{"--" + name, usage})
			}
		}
	}
	return all
}

func (p *position) commandNames() (all []Candidate) {
	for _, c := range p.commands {
		if !c.Hidden {
			all = append(all, Candidate{c.Name, c.Usage})
		}
	}
	return all
}
