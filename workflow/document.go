package workflow

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"sort"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxAliased is how many values aliases may stand for in all: with aliases of aliases,
// a few lines can stand for more than fits into memory.
const maxAliased = 100_000

// document parses a file. It returns nil if nothing is in it.
func document(file []byte) (*yaml.Node, *Problem) {
	if !utf8.Valid(file) {
		line := firstLine(file, func(beginning []byte) bool { return !utf8.Valid(beginning) })
		return nil, &Problem{Line: line, Text: "this is not UTF-8"}
	}
	docs, err := documents(file)
	if err != nil {
		return nil, syntaxProblem(file, err)
	}
	switch len(docs) {
	case 0:
		return nil, nil
	case 1:
		return docs[0], (&aliases{}).follow(docs[0])
	}
	return nil, &Problem{Line: docs[1].Line, Text: "a second document begins here: one was expected"}
}

func documents(text []byte) (docs []*yaml.Node, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(mark(text)))
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return docs, nil
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, doc.Content...)
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line \d+: )?`)

// syntaxProblem tells what the YAML parser found. The line that it gives is that of
// a beginning, or of none; what is wrong is in the first line that it finds it with.
func syntaxProblem(file []byte, err error) *Problem {
	what := yamlLine.ReplaceAllString(err.Error(), "")
	line := firstLine(file, func(beginning []byte) bool {
		_, err := documents(beginning)
		return err != nil && yamlLine.ReplaceAllString(err.Error(), "") == what
	})
	return &Problem{Line: line, Text: "this is no YAML: " + what}
}

// firstLine returns the first line up to which a text is wrong.
func firstLine(text []byte, wrong func(beginning []byte) bool) int {
	var ends []int
	for line := range bytes.Lines(text) {
		end := len(line)
		if len(ends) > 0 {
			end += ends[len(ends)-1]
		}
		ends = append(ends, end)
	}
	return min(sort.Search(len(ends), func(i int) bool { return wrong(text[:ends[i]]) })+1, len(ends))
}

// aliases follows the aliases of a document.
type aliases struct {
	above []*yaml.Node
	// first is the alias that is followed, which may lead to others.
	first   *yaml.Node
	aliased int
}

// follow returns what would have no end, or nearly none.
func (a *aliases) follow(n *yaml.Node) *Problem {
	if a.first != nil {
		a.aliased++
	}
	if a.aliased > maxAliased {
		return &Problem{Line: a.first.Line, Text: "alias *" + a.first.Value + ": aliases stand for too many values"}
	}
	if n.Kind == yaml.AliasNode {
		if slices.Contains(a.above, n.Alias) {
			return &Problem{Line: n.Line, Text: "alias *" + n.Value + " is part of what it stands for"}
		}
		if a.first == nil {
			a.first = n
			defer func() { a.first = nil }()
		}
		return a.follow(n.Alias)
	}
	if n.Anchor != "" {
		a.above = append(a.above, n)
		defer func() { a.above = a.above[:len(a.above)-1] }()
	}
	for _, child := range n.Content {
		if p := a.follow(child); p != nil {
			return p
		}
	}
	return nil
}
