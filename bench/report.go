package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// The prose is in the template, and so outlives new results.
//
//go:embed report.md.tmpl
var reportTemplate string

// table is what the report says of a workload.
type table struct {
	workload
	Title string
	Rows  []summary
}

// row returns that of a tool, or nil.
func (t table) row(tool string) *summary {
	for i := range t.Rows {
		if t.Rows[i].Tool.name == tool {
			return &t.Rows[i]
		}
	}
	return nil
}

// report writes the document, and the plots beside it.
func report(path string, workloads []workload, results []result) error {
	var tables []table
	for _, w := range workloads {
		if rows := summarise(w, results); rows != nil {
			tables = append(tables, table{w, w.title, rows})
		}
	}
	plots := map[string]string{}
	for name, draw := range map[string]func(string, []table) (bool, error){"rates": plotRates, "memory": plotMemory} {
		file := strings.TrimSuffix(path, filepath.Ext(path)) + "-" + name + ".svg"
		drawn, err := draw(file, tables)
		if err != nil {
			return fmt.Errorf("drawing %s: %w", file, err)
		}
		if drawn {
			plots[name] = filepath.Base(file)
		}
	}
	page, err := template.New("report").Parse(reportTemplate)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := page.Execute(&text, map[string]any{
		"Tables": tables, "Machines": machines(results), "Peers": peers(), "Versions": versions(tables), "Plots": plots,
	}); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}

// Speed is the rate of the tool in the unit that suits the workload.
func (t table) Speed(s summary) string {
	switch {
	case t.listed:
		return fmt.Sprintf("%.0f keys/s", float64(t.objects)/s.Wall)
	case t.size >= 64<<10:
		return fmt.Sprintf("%.0f MB/s", float64(t.bytes())/1e6/s.Wall)
	default:
		return fmt.Sprintf("%.0f objects/s", float64(t.objects)/s.Wall)
	}
}

// Timed is whether tools are compared by their times, and not by their rates.
func (t table) Timed() bool { return t.again || t.listed || t.sourceRate > 0 }

// Compared is the ratio to the first tool.
func (t table) Compared(s summary) string {
	if t.Timed() {
		return s.Share(s.TimeRatio)
	}
	return s.Share(s.Rate)
}

// Sent is how often the source sent the objects.
func (t table) Sent(s summary) string { return s.Share(float64(s.Sent) / float64(t.bytes())) }

// Counted is whether it is known what the source sent.
func (t table) Counted() bool { return t.sourceRate > 0 }

// Memory is the peak in MiB.
func (s summary) Memory() int64 { return s.RSS >> 20 }

// Share is a ratio, or a dash where there is nothing to compare with.
func (s summary) Share(ratio float64) string {
	if ratio == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", ratio)
}

// PerObject lists the requests for each object that a side got; those that do not
// grow with the objects are left out.
func (t table) PerObject(s summary) string {
	if s.Requests == nil {
		return "–"
	}
	var all []string
	for _, side := range []string{"source", "destination"} {
		kinds := make([]string, 0, len(s.Requests[side]))
		for kind, count := range s.Requests[side] {
			if count >= t.objects {
				kinds = append(kinds, fmt.Sprintf("%.3g %s", float64(count)/float64(t.objects), kind))
			}
		}
		slices.Sort(kinds)
		all = append(all, cmp.Or(strings.Join(kinds, ", "), "–"))
	}
	return strings.Join(all, " / ")
}

// machines returns the machines of the results, each once.
func machines(results []result) (all []machine) {
	for _, r := range results {
		if !slices.Contains(all, r.Machine) {
			all = append(all, r.Machine)
		}
	}
	return all
}

// versions lists those of ingest in the report, each once.
func versions(tables []table) string {
	var all []string
	for _, t := range tables {
		for _, row := range t.Rows {
			if row.Tool.isIngest() && !slices.Contains(all, row.Version) {
				all = append(all, row.Version)
			}
		}
	}
	return strings.Join(all, ", ")
}

// peers lists the pinned programs with their versions.
func peers() string {
	var all []string
	for name, p := range pinned {
		all = append(all, name+" "+p.version)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
