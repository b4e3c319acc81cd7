package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v2"
)

func printf(c *cli.Context, format string, values ...any) error {
	_, err := fmt.Fprintf(c.App.Writer, format, values...)
	return err
}

// jsonWriter prints one JSON object a line. Nobody reads it as HTML.
func jsonWriter(c *cli.Context) *json.Encoder {
	enc := json.NewEncoder(c.App.Writer)
	enc.SetEscapeHTML(false)
	return enc
}

func printJSON(c *cli.Context, v any) error {
	enc := jsonWriter(c)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func printWarnings(c *cli.Context, warnings []string) error {
	for _, w := range warnings {
		if err := printf(c, "Warning: %s\n", w); err != nil {
			return err
		}
	}
	return nil
}

// table aligns what a command prints.
type table struct{ *tabwriter.Writer }

func newTable(c *cli.Context, head ...any) table {
	t := table{tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)}
	if len(head) > 0 {
		t.row(head...)
	}
	return t
}

// row writes into the memory of the writer; Flush says whether that could be printed.
func (t table) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = printable(fmt.Sprint(cell))
	}
	fmt.Fprintln(t, strings.TrimRight(strings.Join(texts, "\t"), "\t")) //nolint:errcheck // Flush reports it
}

// printable quotes what could move a terminal's cursor, or the columns of a table:
// keys and errors hold what others chose.
func printable(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

func age(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return humanize.Time(*t)
}

// elementID is the column for the ID.
func elementID(id string) string {
	if id == "" {
		return "(no element)"
	}
	return id
}

func headers(h nats.Header) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(h)) {
		all = append(all, key+": "+strings.Join(h[key], ", "))
	}
	return strings.Join(all, "; ")
}
