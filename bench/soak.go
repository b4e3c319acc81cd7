package main

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
)

// sample is a line of what a soak writes.
type sample struct {
	Seconds     float64 `json:"seconds"`
	RSS         float64 `json:"rss"`
	Goroutines  float64 `json:"goroutines"`
	Descriptors float64 `json:"descriptors"`
}

// drawSoak draws what a process took over the time of a soak, beside the file of its
// samples.
func drawSoak(path string) error {
	samples, err := readLines[sample](path)
	if err != nil {
		return err
	}
	if len(samples) == 0 {
		return fmt.Errorf("%s has no samples", path)
	}
	p := newPlot("What a process takes over time (1 is the median)")
	p.X.Label.Text = "minutes"
	for i, of := range []struct {
		name, unit string
		value      func(sample) float64
	}{
		{"memory", " MiB", func(s sample) float64 { return s.RSS / (1 << 20) }},
		{"goroutines", "", func(s sample) float64 { return s.Goroutines }},
		{"descriptors", "", func(s sample) float64 { return s.Descriptors }},
	} {
		values := make([]float64, len(samples))
		for k, s := range samples {
			values[k] = of.value(s)
		}
		middle := slices.Sorted(slices.Values(values))[len(values)/2]
		points := make(plotter.XYs, len(samples))
		for k, s := range samples {
			points[k] = plotter.XY{X: s.Seconds / 60, Y: values[k] / middle}
			p.Y.Max = max(p.Y.Max, points[k].Y*aboveLines)
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.Color = plotutil.Color(i)
		p.Add(line)
		p.Legend.Add(fmt.Sprintf("%s (%.0f%s)", of.name, middle, of.unit), line)
	}
	return p.Save(plotWide, plotHigh, strings.TrimSuffix(path, ".jsonl")+".svg")
}
