package ingest_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/ingest-bundle/ingest"

// layers are the packages from the top to the bottom. A package imports from
// layers beneath its own only; a name that ends in / stands for all beneath it.
var layers = [][]string{
	{"cmd/", "plugins/", "internal/docsgen"},
	{"workflow", "workflow/", "enqueue", "dequeue", "templates", "systems/all", "internal/check"},
	{"systems/"},
	{"systems"},
	{"inputs", "processors", "outputs", "plugin", "plugin/", "internal/library"},
	{"queue", "internal/"},
	{"", "config/", "internal/folder", "internal/commandline"},
}

// besides are imports within one layer that do no harm: the layer's helpers.
var besides = map[string][]string{
	"queue":          {"internal/"},
	"internal/share": {"internal/component"},
}

func layerOf(pkg string) int {
	best, length := -1, -1
	for i, names := range layers {
		for _, name := range names {
			if matches(name, pkg) && len(name) > length {
				best, length = i, len(name)
			}
		}
	}
	return best
}

func matches(name, pkg string) bool {
	return name == pkg || (strings.HasSuffix(name, "/") && strings.HasPrefix(pkg, name))
}

type listedPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...")
	out, err := cmd.Output()
	require.NoError(t, err)
	dec := json.NewDecoder(strings.NewReader(string(out)))
	var all []listedPackage
	for {
		var p listedPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

func ours(path string) (pkg string, ok bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

func allowed(from, to string) bool {
	if slices.ContainsFunc(besides[from], func(name string) bool { return matches(name, to) }) {
		return true
	}
	return layerOf(from) < layerOf(to)
}

func TestImportsPointOneWay(t *testing.T) {
	packages := listPackages(t)
	require.NotEmpty(t, packages)
	seen := map[string]bool{}
	for _, p := range packages {
		from, ok := ours(p.ImportPath)
		if !ok || from == "integration" || strings.HasPrefix(from, "integration/") || strings.HasPrefix(from, "docs/") {
			continue
		}
		seen[from] = true
		if !assert.GreaterOrEqual(t, layerOf(from), 0, "package %s is in no layer: give it a place in layers", from) {
			continue
		}
		for _, path := range p.Imports {
			if to, ok := ours(path); ok {
				assert.True(t, allowed(from, to), "%s imports %s, which is not beneath it", from, to)
			}
		}
	}
	for _, must := range []string{"", "queue", "inputs", "outputs", "processors", "systems", "systems/s3", "cmd/ingest"} {
		assert.True(t, seen[must], "package %q was not looked at", must)
	}
}

// The rule itself must be able to fail.
func TestLayers(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		want     bool
	}{
		{"cmd/ingest", "systems/s3", true},
		{"systems/all", "systems/s3", true},
		{"systems/s3", "systems", true},
		{"systems/systemstest", "", true},
		{"systems", "inputs", true},
		{"inputs", "queue", true},
		{"inputs", "internal/component", true},
		{"queue", "", true},
		{"queue", "internal/outcome", true},
		{"internal/component", "", true},

		{"", "queue", false},
		{"", "internal/component", false},
		{"queue", "inputs", false},
		{"internal/component", "queue", false},
		{"inputs", "outputs", false},
		{"systems", "systems/s3", false},
		{"systems/s3", "systems/files", false},
		{"systems/s3", "cmd/ingest", false},
		{"outputs", "systems", false},
	} {
		assert.Equal(t, tc.want, allowed(tc.from, tc.to), "%s imports %s", tc.from, tc.to)
	}
}
