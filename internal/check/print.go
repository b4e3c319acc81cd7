package check

import (
	"fmt"
	"io"
	"strings"

	"github.com/ingest-bundle/ingest/internal/finding"
)

var marks = map[finding.Status]string{
	finding.OK:        "ok",
	finding.Note:      "note",
	finding.NotTested: "not tested",
	finding.Failed:    "FAILED",
}

// Print writes the report for people.
func (r *Report) Print(out io.Writer) error {
	var b strings.Builder
	for _, f := range r.Files {
		for _, l := range f.Lints {
			fmt.Fprintf(&b, "%s:%d\n", f.Path, l.Line)
			line(&b, finding.Finding{Test: "configuration", Status: finding.Failed, Text: l.Text, Mend: l.Mend})
		}
		for _, d := range f.Doubts {
			fmt.Fprintf(&b, "%s:%d\n", f.Path, d.Line)
			line(&b, finding.Finding{Test: "warning", Status: finding.Note, Text: d.Text})
		}
		for _, c := range f.Components {
			title := c.Kind + " " + c.Name
			if c.Label != "" {
				title += " " + c.Label
			}
			if c.Where != "" {
				title += "  " + c.Where
			}
			fmt.Fprintf(&b, "%s:%d  %s\n", f.Path, c.Line, title)
			for _, found := range c.Findings {
				line(&b, found)
			}
		}
		// What fails is not to be buried.
		if f.Plan != "" && r.OK {
			fmt.Fprintf(&b, "%s  %s\n", f.Path, f.Plan)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func line(b *strings.Builder, f finding.Finding) {
	text := f.Test
	if f.Text != "" {
		text += ": " + strings.TrimPrefix(f.Text, "not tested: ")
	}
	fmt.Fprintf(b, "  %-10s  %s\n", marks[f.Status], text)
	if f.Mend != "" {
		fmt.Fprintf(b, "  %10s  → %s\n", "", f.Mend)
	}
}
