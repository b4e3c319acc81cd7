package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// TestRound runs a round of every kind of workload, and writes the report.
func TestRound(t *testing.T) {
	dir, results := t.TempDir(), filepath.Join(t.TempDir(), "results.jsonl")
	binary := filepath.Join(dir, "ingest")
	require.NoError(t, goBuild("..", "-o", binary, "./cmd/ingest"))
	runners, err := choose(tools, "floor,floor-md5,list,ingest-one,ingest-scan,ingest", toolName)
	require.NoError(t, err)
	b := bench{server: "versitygw", ingest: binary, data: dir, results: results, requests: true}
	small := []workload{
		{name: "4k", objects: 50, size: 4 << 10, tools: copiers},
		{name: "fan-out", objects: 2, size: 8 << 20, tools: []string{"ingest-one", "ingest"}, destinations: 2, sourceRate: 100e6},
		{name: "resync", objects: 50, size: 4 << 10, tools: []string{"list", "ingest"}, again: true},
		{name: "scan", objects: 2500, tools: scanners, listed: true},
	}
	require.NoError(t, b.runAll(t.Context(), small, runners, 1))

	all, err := readResults(results)
	require.NoError(t, err)
	found := map[string]result{}
	for _, r := range all {
		assert.Positive(t, r.Wall, r.Tool)
		assert.NotEmpty(t, r.Version, r.Tool)
		found[r.Workload+" "+r.Tool] = r
	}
	require.Len(t, found, 9)
	for _, name := range []string{"4k floor", "4k floor-md5", "4k ingest"} {
		assert.Positive(t, found[name].CPU, name)
		assert.Positive(t, found[name].RSS, name)
		assert.Equal(t, 50, found[name].Requests["source"]["GET"], name)
		assert.Equal(t, 50, found[name].Requests["destination"]["PUT"], name)
	}
	for _, name := range []string{"fan-out ingest-one", "fan-out ingest"} {
		assert.InDelta(t, small[1].bytes(), found[name].Sent, 1<<20, "%s: the source is read once", name)
	}
	assert.Zero(t, found["resync ingest"].Requests["source"]["GET"])
	assert.Zero(t, found["resync ingest"].Requests["destination"]["PUT"])

	document := filepath.Join(dir, "benchmarks.md")
	require.NoError(t, report(document, small, all))
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	for _, r := range runners {
		assert.Contains(t, string(text), "\n| "+r.Title+" | 1 | ")
	}
	for _, name := range []string{"benchmarks-rates.svg", "benchmarks-memory.svg"} {
		plot, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Contains(t, string(plot), "</svg>")
		assert.Contains(t, string(text), "("+name+")")
	}
}

// What was not copied whole is no result.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	program, err := programs("", t.TempDir(), "", "versitygw")
	require.NoError(t, err)
	s, err := startServer(t.Context(), "versitygw", program["versitygw"], t.TempDir())
	require.NoError(t, err)
	t.Cleanup(s.stop)
	three := workload{objects: 3, size: 1000}
	require.NoError(t, three.seed(t.Context(), s, "three"))
	require.NoError(t, three.verify(t.Context(), s, "three", time.Time{}))

	// Listings tell times in seconds.
	require.NoError(t, three.verify(t.Context(), s, "three", time.Now().Add(time.Minute)))
	assert.ErrorContains(t, three.verify(t.Context(), s, "three", time.Now().Add(-time.Minute)), "was written again")

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

// Results of an older ingest do not count any more.
func TestSummariseTellsVersionsApart(t *testing.T) {
	w := workload{name: "w", objects: 10, tools: copiers}
	run := func(version, tool string, wall float64) result {
		return result{Round: version, Version: version, Workload: "w", Tool: tool, usage: usage{Wall: wall, CPU: 1}}
	}
	rows := summarise(w, []result{
		run("old", "floor", 1), run("old", "ingest", 9), run("old", "mc", 4),
		run("new", "floor", 1), run("new", "ingest", 2),
	})
	require.Len(t, rows, 3)
	assert.Equal(t, 2, rows[0].Rounds)
	assert.Equal(t, "ingest", rows[1].Tool.name)
	assert.Equal(t, 1, rows[1].Rounds)
	assert.Equal(t, 2.0, rows[1].TimeRatio)
	assert.Equal(t, "new", rows[1].Version)
	assert.Equal(t, 1, rows[2].Rounds)
}

// A gate counts what the server sends, and holds it back over all connections.
func TestGate(t *testing.T) {
	content := make([]byte, 1<<20)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }))
	t.Cleanup(s.Close)
	passed := newTally()
	g, err := openGate(s.Listener.Addr().String(), passed, 4<<20)
	require.NoError(t, err)
	t.Cleanup(g.close)
	begin := time.Now()
	var group errgroup.Group
	for range 2 {
		group.Go(func() error {
			resp, err := http.Get("http://" + g.address)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			assert.Len(t, got, len(content))
			return err
		})
	}
	require.NoError(t, group.Wait())
	assert.Equal(t, map[string]int{"GET": 2}, passed.requests)
	assert.EqualValues(t, 2<<20, passed.sent)
	assert.Greater(t, time.Since(begin), 400*time.Millisecond, "2 MiB at 4 MiB/s, but for what may pass at once")
}

// A scan that missed keys is no result.
func TestListingFindsWhatWasNotListed(t *testing.T) {
	a, err := openListing(workload{objects: 2500})
	require.NoError(t, err)
	t.Cleanup(a.close)
	client, err := minio.New(a.address, &minio.Options{Region: "us-east-1"})
	require.NoError(t, err)
	list := func(most int) {
		_, _, err := a.enter(t.Context(), tool{})
		require.NoError(t, err)
		var n int
		var last string
		for o := range client.ListObjectsIter(t.Context(), sourceBucket, minio.ListObjectsOptions{Recursive: true}) {
			require.NoError(t, o.Err)
			require.Greater(t, o.Key, last)
			last = o.Key
			if n++; n == most {
				break
			}
		}
	}
	list(1500)
	assert.ErrorContains(t, a.verify(t.Context(), tool{}, job{}), "keys were listed, 2500 were expected")
	list(2500)
	assert.NoError(t, a.verify(t.Context(), tool{}, job{}))
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

func TestDrawSoak(t *testing.T) {
	path := filepath.Join(t.TempDir(), "soak.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(`{"seconds":1,"rss":104857600,"goroutines":300,"descriptors":90}
{"seconds":2,"rss":104857600,"goroutines":310,"descriptors":91}
`), 0o600))
	require.NoError(t, drawSoak(path))
	drawn, err := os.ReadFile(filepath.Join(filepath.Dir(path), "soak.svg"))
	require.NoError(t, err)
	assert.Contains(t, string(drawn), "memory (100 MiB)")
	assert.Contains(t, string(drawn), "goroutines (310)")

	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.ErrorContains(t, drawSoak(path), "has no samples")
}
