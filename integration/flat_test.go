package integration

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quarters returns the medians of what f tells of the samples of the second and of the
// last quarter.
func quarters(samples []sample, f func(sample) int) (second, last int) {
	n := len(samples)
	return median(samples[n/4:n/2], f), median(samples[n*3/4:], f)
}

func median(samples []sample, f func(sample) int) int {
	values := make([]int, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// flat says how much more than in the second quarter may be taken in the last: a
// quarter, and what it is that a process may take or not, as its work happens to be.
var flat = []struct {
	name  string
	of    func(sample) int
	slack int
}{
	{"bytes of memory", func(s sample) int { return s.RSS }, 64 << 20},
	{"goroutines", func(s sample) int { return s.Goroutines }, 200},
	{"descriptors", func(s sample) int { return s.Descriptors }, 64},
}

// grown returns what grew.
func grown(samples []sample) (names []string) {
	for _, f := range flat {
		if second, last := quarters(samples, f.of); last > second+second/4+f.slack {
			names = append(names, f.name)
		}
	}
	return names
}

func requireFlat(t *testing.T, samples []sample) {
	t.Helper()
	require.GreaterOrEqual(t, len(samples), 4, "too few samples to tell")
	for _, f := range flat {
		second, last := quarters(samples, f.of)
		t.Logf("%s: %d in the second quarter, %d in the last", f.name, second, last)
	}
	assert.Empty(t, grown(samples), "what grew")
}

// TestGrowthIsNotFlat shows that a soak would notice a leak.
func TestGrowthIsNotFlat(t *testing.T) {
	steady := sample{RSS: 100 << 20, Goroutines: 300, Descriptors: 100}
	var calm, leaks []sample
	for i := range 400 {
		noisy := steady
		noisy.Goroutines += 100 * (i % 2)
		calm = append(calm, noisy)
		leaking := noisy
		leaking.RSS += i << 20
		leaking.Goroutines += 2 * i
		leaking.Descriptors += i
		leaks = append(leaks, leaking)
	}
	assert.Empty(t, grown(calm))
	assert.Equal(t, []string{"bytes of memory", "goroutines", "descriptors"}, grown(leaks))
}
