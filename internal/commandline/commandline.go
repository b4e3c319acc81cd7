// Package commandline reads command lines before urfave/cli does, which takes
// flags behind the first argument for arguments, and answers what it does not
// know with pages of help.
package commandline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// Line is a command line whose commands and flags all exist.
type Line struct {
	// Name is the full name of the command, such as "ingest queue ls".
	Name string
	// Arguments are what is neither a command nor a flag.
	Arguments []string
	// Help says that it asks for help, and for nothing else.
	Help bool
	// before are the program, the commands and the flags.
	before []string
	// command is how many of them there are up to the last command.
	command int
	// flags are the names of those that are given.
	flags []string
}

// Words returns the command line with all flags before the arguments.
func (l *Line) Words() []string {
	words := slices.Clone(l.before)
	if slices.ContainsFunc(l.Arguments, isFlag) {
		words = append(words, "--")
	}
	return append(words, l.Arguments...)
}

// BehindCommand returns the words of the command: its flags and the arguments.
func (l *Line) BehindCommand() []string { return l.Words()[l.command:] }

// Has reports whether one of the flags is given, by any of its names, and is not
// switched off.
func (l *Line) Has(names ...string) bool {
	return slices.ContainsFunc(l.flags, func(given string) bool { return slices.Contains(names, given) })
}

// Optional is the value of a flag that can be given without one. It takes the next
// word only if that is one of its values.
type Optional interface {
	IsBoolFlag() bool
	Takes(word string) bool
}

// Parse reads a command line, the first word of which is the program. It fails if
// there is no such command or flag, and says which one is like it.
func Parse(app *cli.App, words []string) (*Line, error) {
	l := &Line{Name: app.Name, before: words[:1:1], command: 1}
	level := &cli.Command{Subcommands: app.Commands, Flags: app.Flags}
	for rest := words[1:]; len(rest) > 0; {
		word := rest[0]
		rest = rest[1:]
		next := level.Command(word)
		switch {
		case word == "--":
			l.Arguments = append(l.Arguments, rest...)
			return l, nil
		case isFlag(word) && slices.Contains(cli.HelpFlag.Names(), strings.TrimLeft(word, "-")):
			l.before, l.Arguments, l.Help = append(l.before[:l.command], word), nil, true
			return l, nil
		case isFlag(word):
			taken, err := l.pass(level, word, rest)
			if err != nil {
				return nil, err
			}
			rest = rest[taken:]
		case len(l.Arguments) > 0 || len(level.Subcommands) == 0:
			l.Arguments = append(l.Arguments, word)
		case slices.Contains(cli.HelpFlag.Names(), word):
			l.before, l.Help = words, true
			return l, nil
		case next != nil:
			level = next
			l.Name += " " + next.Name
			l.before = append(l.before, word)
			l.command = len(l.before)
		case level.Action != nil:
			l.Arguments = append(l.Arguments, word)
		default:
			return nil, fmt.Errorf("%s has no command %s%s See %s --help", l.Name, word, suggest(word, commandNames(level)), l.Name)
		}
	}
	return l, nil
}

// pass takes a flag, and returns how many of the words behind it are its value.
func (l *Line) pass(level *cli.Command, word string, rest []string) (int, error) {
	name, value, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
	i := slices.IndexFunc(level.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	if i < 0 {
		return 0, fmt.Errorf("%s has no flag %s%s See %s --help", l.Name, word, suggest(name, flagNames(level)), l.Name)
	}
	flag := level.Flags[i]
	if value != "false" {
		l.flags = append(l.flags, flag.Names()...)
	}
	switch {
	case !given && TakesValue(flag):
		if len(rest) == 0 {
			return 0, fmt.Errorf("flag %s needs a value. See %s --help", word, l.Name)
		}
		l.before = append(l.before, word, rest[0])
		return 1, nil
	case !given && len(rest) > 0 && mayTake(flag, rest[0]):
		l.before = append(l.before, word+"="+rest[0])
		return 1, nil
	}
	l.before = append(l.before, word)
	return 0, nil
}

func isFlag(word string) bool { return strings.HasPrefix(word, "-") && word != "-" }

// TakesValue reports whether the word behind a flag is its value, whatever it is.
func TakesValue(f cli.Flag) bool {
	if optional, ok := optionalOf(f); ok {
		return !optional.IsBoolFlag()
	}
	documented, ok := f.(cli.DocGenerationFlag)
	return ok && documented.TakesValue()
}

func mayTake(f cli.Flag, word string) bool {
	optional, ok := optionalOf(f)
	return ok && optional.Takes(word)
}

func optionalOf(f cli.Flag) (optional Optional, ok bool) {
	if generic, isGeneric := f.(*cli.GenericFlag); isGeneric {
		optional, ok = generic.Value.(Optional)
	}
	return optional, ok
}

func commandNames(level *cli.Command) (names []string) {
	for _, c := range level.Subcommands {
		if !c.Hidden {
			names = append(names, c.Names()...)
		}
	}
	return names
}

func flagNames(level *cli.Command) (names []string) {
	for _, f := range level.Flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		for _, name := range f.Names() {
			if len(name) > 1 {
				names = append(names, "--"+name)
			}
		}
	}
	return names
}

// alike is how near a name must be to what was typed, from 0 to 1.
const alike = 0.8

// suggest ends a sentence: with the question whether the nearest of the names was
// meant, if one is near.
func suggest(typed string, names []string) string {
	best, nearest := alike, ""
	for _, name := range names {
		if likeness := smetrics.JaroWinkler(strings.TrimLeft(name, "-"), typed, 0.7, 4); likeness >= best {
			best, nearest = likeness, name
		}
	}
	if nearest == "" {
		return "."
	}
	return fmt.Sprintf(": did you mean %s?", nearest)
}
