package main

import (
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

// report writes the document, and the plot beside it.
func report(path string, results []result) error {
	var tables []table
	for _, w := range workloads {
		if rows := summarise(w, results); rows != nil {
			tables = append(tables, table{w, w.title, rows})
		}
	}
	if tables == nil {
		return fmt.Errorf("there are no results")
	}
	plotPath := strings.TrimSuffix(path, filepath.Ext(path)) + ".svg"
	if err := plotRates(plotPath, tables); err != nil {
		return fmt.Errorf("drawing the plot: %w", err)
	}
	page, err := template.New("report").Parse(reportTemplate)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := page.Execute(&text, map[string]any{
		"Tables": tables, "Machines": machines(results), "Peers": peers(), "Plot": filepath.Base(plotPath),
	}); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}

// Speed is the rate of the tool in the unit that suits the workload.
func (t table) Speed(s summary) string {
	if t.size >= 64<<10 {
		return fmt.Sprintf("%.0f MB/s", float64(t.bytes())/1e6/s.Wall)
	}
	return fmt.Sprintf("%.0f objects/s", float64(t.objects)/s.Wall)
}

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
		all = append(all, strings.Join(kinds, ", "))
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

// peers lists the pinned programs with their versions.
func peers() string {
	var all []string
	for name, p := range pinned {
		all = append(all, name+" "+p.version)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
