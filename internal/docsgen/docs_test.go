package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const repoRoot = "../.."

func TestDocsComponentPages(t *testing.T) {
	fresh := t.TempDir()
	require.NoError(t, generate(fresh))
	want := readTree(t, fresh)
	got := readTree(t, filepath.Join(repoRoot, "docs", "components"))
	for path, text := range want {
		assert.Truef(t, text == got[path], "docs/components/%s is stale: run make docs", path)
	}
	for path := range got {
		_, ok := want[path]
		assert.Truef(t, ok, "docs/components/%s belongs to no component: run make docs", path)
	}
	for _, must := range []string{"inputs/ingest_s3.md", "processors/ingest_s3.md", "outputs/ingest_s3.md", "inputs/ingest_dequeue.md"} {
		assert.NotEmpty(t, want[must], must)
	}
}

func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = string(text)
		return err
	}))
	return files
}

// metricNames returns the names of the metrics that the sources register.
func metricNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	require.NoError(t, filepath.WalkDir(repoRoot, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if name, ok := metricName(n); ok {
				names[name] = true
			}
			return true
		})
		return nil
	}))
	require.NotEmpty(t, names)
	return names
}

// metricName is the name of the metric that a call registers.
func metricName(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return "", false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	switch method.Sel.Name {
	case "NewCounter", "NewGauge", "NewTimer", "NewHistogram":
	default:
		return "", false
	}
	literal, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		// Of time.NewTimer it is a duration.
		return "", false
	}
	name, err := strconv.Unquote(literal.Value)
	return name, err == nil
}

// mentionedMetric tells metrics from components and metadata.
var mentionedMetric = regexp.MustCompile("`(ingest_(?:queue|enqueue|dequeue|scan|client|storage|clean_up|webhook)\\w*_\\w+)`")

// TestDocsMetrics holds the metrics in the sources against those in the pages of
// the components, and those in all documents against the sources.
func TestDocsMetrics(t *testing.T) {
	registered := metricNames(t)
	pages := strings.Builder{}
	for path, text := range readTree(t, filepath.Join(repoRoot, "docs")) {
		// The metrics of the command are where workflow files are.
		if strings.HasPrefix(path, "components/") || path == "workflow-file.md" {
			pages.WriteString(text)
		}
		for _, m := range mentionedMetric.FindAllStringSubmatch(text, -1) {
			assert.Containsf(t, registered, m[1], "docs/%s: there is no such metric", path)
		}
	}
	for name := range registered {
		assert.Truef(t, strings.Contains(pages.String(), "`"+name+"`"), "metric %s: neither the description of a component nor docs/workflow-file.md tells of it", name)
	}
}
