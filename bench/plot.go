package main

import (
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

const (
	barWidth = vg.Length(11)
	plotWide = 8 * vg.Inch
	plotHigh = 4 * vg.Inch
	// aboveLines leaves room for the legend.
	aboveLines = 1.25
)

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = title
	p.Y.Min = 0
	p.Title.Padding = vg.Points(10)
	p.Legend.Top = true
	return p
}

// plotRates draws the rate of each tool on each workload that is compared by rates, as
// a part of the floor's.
func plotRates(path string, tables []table) (drawn bool, err error) {
	tables = slices.DeleteFunc(slices.Clone(tables), table.Timed)
	if len(tables) == 0 {
		return false, nil
	}
	p := newPlot("Rate as a part of the floor's (higher is better)")
	titles := make([]string, len(tables))
	for i, t := range tables {
		titles[i] = t.Title
	}
	p.NominalX(titles...)
	// Beside the bars there is room for the legend.
	p.X.Min, p.X.Max = -0.5, float64(len(tables))+0.2
	for i, name := range copiers {
		rates, found := make(plotter.Values, len(tables)), false
		for k, t := range tables {
			if row := t.row(name); row != nil {
				rates[k], found = row.Rate, true
			}
		}
		if !found {
			continue
		}
		bars, err := plotter.NewBarChart(rates, barWidth)
		if err != nil {
			return false, err
		}
		bars.Color = plotutil.Color(i)
		bars.LineStyle.Width = 0
		bars.Offset = barWidth * (vg.Length(i) - vg.Length(len(copiers)-1)/2)
		p.Add(bars)
		p.Legend.Add(name, bars)
	}
	return true, p.Save(plotWide, plotHigh, path)
}

// plotMemory draws the memory by the number of keys that are listed.
func plotMemory(path string, tables []table) (drawn bool, err error) {
	p := newPlot("Peak memory by the number of keys listed")
	p.Legend.Left = true
	p.X.Label.Text, p.Y.Label.Text = "keys", "MiB"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	for i, name := range scanners {
		var points plotter.XYs
		for _, t := range tables {
			if row := t.row(name); t.listed && row != nil {
				p.Y.Max = max(p.Y.Max, float64(row.Memory())*aboveLines)
				points = append(points, plotter.XY{X: float64(t.objects), Y: float64(row.Memory())})
			}
		}
		if points == nil {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return false, err
		}
		line.Color, dots.Color = plotutil.Color(i), plotutil.Color(i)
		p.Add(line, dots)
		p.Legend.Add(name, line, dots)
		drawn = true
	}
	if !drawn {
		return false, nil
	}
	return true, p.Save(plotWide, plotHigh, path)
}
