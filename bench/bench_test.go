package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRound runs a round of ingest and the floor on real servers, and writes the report.
func TestRound(t *testing.T) {
	dir, results := t.TempDir(), filepath.Join(t.TempDir(), "results.jsonl")
	binary := filepath.Join(dir, "ingest")
	require.NoError(t, goBuild("..", "-o", binary, "./cmd/ingest"))
	runners, err := choose(tools, "floor,floor-md5,ingest", toolName)
	require.NoError(t, err)
	b := bench{server: "versitygw", version: "this", data: dir, results: results, requests: true}
	b.programs, err = programs("", dir, binary, b.server, []string{"floor"})
	require.NoError(t, err)
	tiny := workload{name: "4k", objects: 50, size: 4 << 10, tools: copiers}
	require.NoError(t, b.run(t.Context(), tiny, runners, 1))

	all, err := readResults(results)
	require.NoError(t, err)
	require.Len(t, all, 3)
	for _, r := range all {
		assert.Positive(t, r.Wall, r.Tool)
		assert.Positive(t, r.CPU, r.Tool)
		assert.Positive(t, r.RSS, r.Tool)
		assert.GreaterOrEqual(t, r.Requests["source"]["GET"], tiny.objects, r.Tool)
		assert.GreaterOrEqual(t, r.Requests["destination"]["PUT"], tiny.objects, r.Tool)
	}
	document := filepath.Join(dir, "benchmarks.md")
	require.NoError(t, report(document, []workload{tiny}, all))
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	for _, r := range runners {
		assert.Contains(t, string(text), "\n| "+r.Title+" | 1 | ")
	}
	plot, err := os.ReadFile(filepath.Join(dir, "benchmarks-rates.svg"))
	require.NoError(t, err)
	assert.Contains(t, string(plot), "</svg>")
}

// What was not copied whole is no result.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	program, err := programs("", t.TempDir(), "", "versitygw", nil)
	require.NoError(t, err)
	s, err := startServer(t.Context(), "versitygw", program["versitygw"], t.TempDir())
	require.NoError(t, err)
	t.Cleanup(s.stop)
	three := workload{objects: 3, size: 1000}
	require.NoError(t, three.seed(t.Context(), s, "three"))
	require.NoError(t, three.verify(t.Context(), s, "three", time.Time{}))

	four := workload{objects: 4, size: 1000}
	assert.ErrorContains(t, four.verify(t.Context(), s, "three", time.Time{}), "3 copies of 3000 bytes")

	path := filepath.Join(s.dir, "three", three.key(1))
	require.NoError(t, os.WriteFile(path, make([]byte, three.size), 0o600))
	assert.ErrorContains(t, three.verify(t.Context(), s, "three", time.Time{}), "its content differs")
}

// Runs are compared with the floor of their own round only.
func TestSummariseComparesWithinARound(t *testing.T) {
	w := workload{name: "w", objects: 10, tools: copiers}
	run := func(round, tool string, wall, cpu float64) result {
		return result{Round: round, Workload: "w", Tool: tool, usage: usage{Wall: wall, CPU: cpu, RSS: 1}}
	}
	rows := summarise(w, []result{
		run("quiet", "floor", 1, 1), run("quiet", "ingest", 2, 3),
		run("noisy", "floor", 10, 2), run("noisy", "ingest", 20, 2),
		run("third", "floor", 4, 1), run("third", "ingest", 5, 2),
		{Round: "quiet", Workload: "other", Tool: "ingest", usage: usage{Wall: 100}},
		run("alone", "mc", 7, 7),
	})
	require.Len(t, rows, 3)
	assert.Equal(t, 1.0, rows[0].Rate)
	assert.Equal(t, "ingest", rows[1].Tool.name)
	assert.Equal(t, 3, rows[1].Rounds)
	assert.Equal(t, 5.0, rows[1].Wall)
	assert.Equal(t, 0.5, rows[1].Rate, "the median of the ratios, not the ratio of the medians")
	assert.Equal(t, 2.0, rows[1].CPURatio)
	assert.Zero(t, rows[2].Rate)
}

func TestMeasureAddsUp(t *testing.T) {
	nap := command{program: "sleep", args: []string{"0.2"}}
	u, err := measure(t.Context(), []command{nap, nap})
	require.NoError(t, err)
	assert.InDelta(t, 0.4, u.Wall, 0.3)
	assert.Less(t, u.CPU, 0.2)
	assert.Less(t, u.RSS, int64(10<<20), "the memory of the one who started it does not count")

	_, err = measure(t.Context(), []command{{program: "sh", args: []string{"-c", "echo why; exit 3"}}})
	assert.ErrorContains(t, err, "exit status 3\nwhy")
}
