package main

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

const (
	barWidth = vg.Length(11)
	plotWide = 8 * vg.Inch
	plotHigh = 4 * vg.Inch
)

// plotRates draws the rate of each tool on each workload, as a part of the floor's.
func plotRates(path string, tables []table) error {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = "Rate as a part of the floor's (higher is better)"
	p.Y.Min = 0
	p.Legend.Top = true
	titles := make([]string, len(tables))
	for i, t := range tables {
		titles[i] = t.Title
	}
	p.NominalX(titles...)
	for i, t := range tools {
		rates, found := make(plotter.Values, len(tables)), false
		for k, w := range tables {
			for _, row := range w.Rows {
				if row.Tool.name == t.name {
					rates[k], found = row.Rate, true
				}
			}
		}
		if !found {
			continue
		}
		bars, err := plotter.NewBarChart(rates, barWidth)
		if err != nil {
			return err
		}
		bars.Color = plotutil.Color(i)
		bars.LineStyle.Width = 0
		bars.Offset = barWidth * (vg.Length(i) - vg.Length(len(tools)-1)/2)
		p.Add(bars)
		p.Legend.Add(t.name, bars)
	}
	return p.Save(plotWide, plotHigh, path)
}
