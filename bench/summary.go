package main

import "slices"

// summary is what the rounds of a tool on a workload come to: medians.
type summary struct {
	Tool   tool
	Rounds int
	usage
	// Rate is that of the tool, and CPURatio its CPU time, as parts of those of the
	// floor in the same round. Without a floor they are 0.
	Rate, CPURatio float64
	// Requests are those for each object, by side and kind.
	Requests map[string]map[string]int
}

// summarise returns a summary for each tool that has results, in the order of the tools.
func summarise(w workload, results []result) (all []summary) {
	floors := map[string]usage{}
	for _, r := range results {
		if r.Workload == w.name && r.Tool == tools[0].name {
			floors[r.Round] = r.usage
		}
	}
	for _, t := range tools {
		s := summary{Tool: t}
		var wall, cpu, rss, rate, cpuRatio []float64
		for _, r := range results {
			if r.Workload != w.name || r.Tool != t.name {
				continue
			}
			wall, cpu, rss = append(wall, r.Wall), append(cpu, r.CPU), append(rss, float64(r.RSS))
			if floor, ok := floors[r.Round]; ok {
				rate, cpuRatio = append(rate, floor.Wall/r.Wall), append(cpuRatio, r.CPU/floor.CPU)
			}
			if r.Requests != nil {
				s.Requests = r.Requests
			}
		}
		if s.Rounds = len(wall); s.Rounds == 0 {
			continue
		}
		s.usage = usage{Wall: median(wall), CPU: median(cpu), RSS: int64(median(rss))}
		s.Rate, s.CPURatio = median(rate), median(cpuRatio)
		all = append(all, s)
	}
	return all
}

// median is that of the values; 0 if there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
