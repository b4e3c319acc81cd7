package main

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest/workflow"
)

const repoRoot = "../.."

// documents returns the paths of all files of the repository with the suffix,
// seen from its root.
func documents(t *testing.T, suffix string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(repoRoot, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != repoRoot && (name == ".git" || name == "bin" || name == "dist" || name == "testdata") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(path, suffix) {
			rel, err := filepath.Rel(repoRoot, path)
			found = append(found, rel)
			return err
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

func readDocument(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repoRoot, path))
	require.NoError(t, err)
	return string(text)
}

var (
	codeBlock = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	codeSpan  = regexp.MustCompile("`[^`\n]+`")
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	noAnchor  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors returns what GitHub calls the headings of a document.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		name := noAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(m[1])), "")
		found[strings.ReplaceAll(name, " ", "-")] = true
	}
	return found
}

func TestDocsLinks(t *testing.T) {
	for _, doc := range documents(t, ".md") {
		text := codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(readDocument(t, doc), ""), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, err := url.Parse(m[1])
			if !assert.NoErrorf(t, err, "%s: link %s", doc, m[1]) || target.Scheme != "" {
				continue
			}
			to := doc
			if target.Path != "" {
				to = filepath.Join(filepath.Dir(doc), target.Path)
			}
			if _, err := os.Stat(filepath.Join(repoRoot, to)); !assert.NoErrorf(t, err, "%s: dead link %s", doc, m[1]) {
				continue
			}
			if target.Fragment != "" && strings.HasSuffix(to, ".md") {
				assert.Truef(t, anchors(readDocument(t, to))[target.Fragment], "%s: link %s: there is no such heading", doc, m[1])
			}
		}
	}
}

var pipelineKey = regexp.MustCompile(`(?m)^(input|output):`)

// TestDocsConfigurations lints the examples, the pipelines for deployments, and every YAML block in the
// documents that is a pipeline with an input and an output.
func TestDocsConfigurations(t *testing.T) {
	linter := schema().NewStreamConfigLinter()
	linter.SetSkipEnvVarCheck(true)
	lint := func(t *testing.T, where, config string) {
		t.Helper()
		lints, err := linter.LintYAML([]byte(config))
		assert.NoError(t, err, where)
		for _, l := range lints {
			assert.Fail(t, where+": "+l.Error(), config)
		}
	}
	pipelines, workflows := 0, 0
	for _, doc := range documents(t, ".md") {
		for _, m := range codeBlock.FindAllStringSubmatch(readDocument(t, doc), -1) {
			if m[1] == "yaml" && len(pipelineKey.FindAllString(m[2], -1)) == 2 {
				lint(t, doc, m[2])
				pipelines++
			}
			if m[1] == "yaml" && strings.HasPrefix(m[2], "sources:") {
				_, err := workflow.Parse([]byte(m[2]), workflow.Options{AllowUnset: true})
				assert.NoError(t, err, doc)
				workflows++
			}
		}
	}
	assert.Positive(t, pipelines, "no pipeline was found in the documents")
	assert.Positive(t, workflows, "no workflow file was found in the documents")
	for _, example := range documents(t, ".yaml") {
		if strings.HasPrefix(example, "config/examples/") || strings.Contains(example, "/pipelines/") {
			lint(t, example, readDocument(t, example))
		}
	}
}

var (
	makeTarget  = regexp.MustCompile(`(?m)^([a-z-]+):.*## `)
	makeCommand = regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)")
)

func TestDocsMakeTargets(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range makeTarget.FindAllStringSubmatch(readDocument(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	require.NotEmpty(t, targets)
	for _, doc := range append(documents(t, ".md"), ".ci/run") {
		for _, m := range makeCommand.FindAllStringSubmatch(strings.ReplaceAll(readDocument(t, doc), "step make ", "make "), -1) {
			assert.Truef(t, targets[m[1]], "%s: make has no target %s", doc, m[1])
		}
	}
}

var (
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Example|Fuzz)\w+)\(`)
	testName = regexp.MustCompile("`((?:Test|Example|Fuzz)\\w+)[\\w/]*`")
)

// TestDocsTestNames finds names of tests in the documents that no test has.
func TestDocsTestNames(t *testing.T) {
	tests := map[string]bool{}
	for _, file := range documents(t, "_test.go") {
		for _, m := range testFunc.FindAllStringSubmatch(readDocument(t, file), -1) {
			tests[m[1]] = true
		}
	}
	for _, doc := range documents(t, ".md") {
		for _, m := range testName.FindAllStringSubmatch(readDocument(t, doc), -1) {
			assert.Truef(t, tests[m[1]], "%s: there is no test %s", doc, m[1])
		}
	}
}

// TestDocsCode vets and tests the Go programs in the documents. A block that has a
// package clause begins a file, and the others go on with it.
func TestDocsCode(t *testing.T) {
	programs := 0
	for _, doc := range documents(t, ".md") {
		files := goFiles(readDocument(t, doc))
		if len(files) == 0 {
			continue
		}
		programs++
		t.Run(doc, func(t *testing.T) {
			// An overlay makes the files part of the module, as a package in docs.
			dir, err := filepath.Abs(filepath.Join(repoRoot, "docs"))
			require.NoError(t, err)
			overlay := map[string]map[string]string{"Replace": {}}
			for name, text := range files {
				path := filepath.Join(t.TempDir(), name)
				require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
				overlay["Replace"][filepath.Join(dir, name)] = path
			}
			list, err := json.Marshal(overlay)
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "overlay.json")
			require.NoError(t, os.WriteFile(path, list, 0o600))
			for _, command := range []string{"vet", "test"} {
				out, err := exec.Command("go", command, "-overlay", path, dir).CombinedOutput()
				require.NoError(t, err, string(out))
			}
		})
	}
	assert.Positive(t, programs, "no program was found in the documents")
}

// goFiles returns the Go files in a document by their names.
func goFiles(text string) map[string]string {
	files := map[string]string{}
	name := ""
	for _, m := range codeBlock.FindAllStringSubmatch(text, -1) {
		switch {
		case m[1] != "go":
			continue
		case packageClause.MatchString(m[2]) && strings.Contains(m[2], "testing.T"):
			name = "example_test.go"
		case packageClause.MatchString(m[2]):
			name = "example.go"
		case name == "":
			continue
		}
		files[name] += m[2]
	}
	return files
}

var packageClause = regexp.MustCompile(`(?m)^package `)
