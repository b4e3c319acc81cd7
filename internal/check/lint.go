package check

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest/internal/safety"
)

// withoutDefault matches the environment variables that must be set.
var withoutDefault = regexp.MustCompile(`\$\{([0-9A-Za-z_.]+)\}`)

// Unset returns the environment variables that a configuration needs and that are not
// set, with their lines.
func Unset(text []byte) []Lint {
	lints := []Lint{}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			continue
		}
		for _, m := range withoutDefault.FindAllSubmatch(line, -1) {
			name := string(m[1])
			if _, ok := os.LookupEnv(name); !ok {
				lints = append(lints, Lint{Line: n, Text: fmt.Sprintf("environment variable %s is not set", name),
					Mend: fmt.Sprintf("export it, name a file that has it with --env-file, or give it a default: ${%s:default}", name)})
			}
		}
	}
	return lints
}

// lint returns what Benthos says of a configuration, and what Unset does.
func (c *Checker) lint(text, expanded []byte) []Lint {
	lints := Unset(text)
	found, err := c.Schema.NewStreamConfigLinter().SetSkipEnvVarCheck(true).LintYAML(expanded)
	if err != nil {
		return append(lints, Lint{Line: 1, Text: err.Error(), Mend: "fix the YAML"})
	}
	for _, l := range found {
		lints = append(lints, Lint{Line: l.Line, Text: l.What, Mend: mendLint(l)})
	}
	// What cannot be walked has lints already.
	slips, _ := safety.Slips(c.Schema, "", expanded)
	for _, s := range slips {
		lints = append(lints, Lint{Line: s.Line, Text: s.Text})
	}
	slices.SortStableFunc(lints, func(a, b Lint) int { return a.Line - b.Line })
	return lints
}

func mendLint(l service.Lint) string {
	switch l.Type {
	case service.LintUnknown:
		return "see whether it is misspelt or in the wrong place: ingest create prints the fields of each component"
	case service.LintMissing:
		return "add the field"
	case service.LintCustom:
		// Such lints say themselves what to do.
		return ""
	}
	return "see whether it is misspelt: ingest list prints the components, ingest create their fields"
}

// addDangers adds combinations of components that could wipe data, and those that most
// often are a mistake.
func (c *Checker) addDangers(files []File, report *Report) {
	texts := map[string][]byte{}
	for _, f := range files {
		texts[f.Path] = c.Expand(f.Text)
	}
	// What cannot be read has lints already.
	dangers, _ := safety.Check(c.Schema, texts)
	doubts, _ := safety.Doubts(c.Schema, texts)
	for _, f := range report.Files {
		f.Lints = append(f.Lints, lintsOf(f.Path, dangers)...)
		f.Doubts = append(f.Doubts, lintsOf(f.Path, doubts)...)
	}
}

func lintsOf(path string, findings []safety.Finding) (lints []Lint) {
	for _, f := range findings {
		if f.File == path {
			lints = append(lints, Lint{Line: f.Line, Text: f.Text})
		}
	}
	return lints
}
