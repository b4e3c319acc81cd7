package main

// gates are between a tool and the servers, as far as need be.
type gates struct {
	open                []*gate
	source, destination *tally
}

// openGates puts gates into the job: at the source if it has a limit, everywhere if
// requests are to be counted.
func openGates(j *job, sourceRate int, count bool) (g *gates, err error) {
	g = &gates{source: newTally(), destination: newTally()}
	if count || sourceRate > 0 {
		if j.source, err = g.put(j.source, g.source, sourceRate); err != nil {
			return nil, err
		}
	}
	if !count {
		return g, nil
	}
	destinations := make([]string, len(j.destinations))
	for i, to := range j.destinations {
		if destinations[i], err = g.put(to, g.destination, 0); err != nil {
			g.close()
			return nil, err
		}
	}
	j.destinations = destinations
	return g, nil
}

func (g *gates) put(to string, t *tally, bytesPerSecond int) (address string, err error) {
	one, err := openGate(to, t, bytesPerSecond)
	if err != nil {
		return "", err
	}
	g.open = append(g.open, one)
	return one.address, nil
}

func (g *gates) close() {
	for _, one := range g.open {
		one.close()
	}
}

func (g *gates) requests() map[string]map[string]int {
	return map[string]map[string]int{"source": g.source.requests, "destination": g.destination.requests}
}
