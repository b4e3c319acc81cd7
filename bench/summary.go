package main

import "slices"

// summary is what the rounds of a tool on a workload come to: medians.
type summary struct {
	Tool   tool
	Rounds int
	// Version is that of ingest in the last round.
	Version string
	usage
	// Rate is that of the tool, and TimeRatio and CPURatio its wall and CPU time, as parts
	// of those of the first tool in the same round. Without that they are 0.
	Rate, TimeRatio, CPURatio float64
	// Sent is how many bytes the source sent, where that was counted.
	Sent int64
	// Requests are those for each object, by side and kind.
	Requests map[string]map[string]int
}

// summarise returns a summary for each tool that has results, in the order of the tools.
func summarise(w workload, results []result) (all []summary) {
	results = current(w, results)
	floors := map[string]usage{}
	for _, r := range results {
		if r.Tool == w.tools[0] {
			floors[r.Round] = r.usage
		}
	}
	for _, t := range w.runners(tools) {
		s := summary{Tool: t}
		var wall, cpu, rss, sent, rate, timeRatio, cpuRatio []float64
		for _, r := range results {
			if r.Tool != t.name {
				continue
			}
			wall, cpu, rss, sent = append(wall, r.Wall), append(cpu, r.CPU), append(rss, float64(r.RSS)), append(sent, float64(r.Sent))
			if floor, ok := floors[r.Round]; ok {
				rate, timeRatio = append(rate, floor.Wall/r.Wall), append(timeRatio, r.Wall/floor.Wall)
				cpuRatio = append(cpuRatio, r.CPU/floor.CPU)
			}
			s.Version = r.Version
			if r.Requests != nil {
				s.Requests = r.Requests
			}
		}
		if s.Rounds = len(wall); s.Rounds == 0 {
			continue
		}
		s.usage = usage{Wall: median(wall), CPU: median(cpu), RSS: int64(median(rss))}
		s.Rate, s.TimeRatio, s.CPURatio, s.Sent = median(rate), median(timeRatio), median(cpuRatio), int64(median(sent))
		all = append(all, s)
	}
	return all
}

// current returns the results of a workload, of ingest only those of its last version.
func current(w workload, results []result) (all []result) {
	last := map[string]string{}
	for _, r := range results {
		if r.Workload == w.name {
			last[r.Tool] = r.Version
			all = append(all, r)
		}
	}
	return slices.DeleteFunc(all, func(r result) bool {
		return r.Version != last[r.Tool] && slices.ContainsFunc(tools, func(t tool) bool {
			return t.name == r.Tool && t.isIngest()
		})
	})
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
