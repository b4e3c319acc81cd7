package workflow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is something wrong in a file.
type Problem struct {
	Line int
	// Where names the part of the file, such as "workflow a-b".
	Where string
	Text  string
}

func (p Problem) Error() string {
	if p.Where == "" {
		return fmt.Sprintf("line %d: %s", p.Line, p.Text)
	}
	return fmt.Sprintf("line %d: %s: %s", p.Line, p.Where, p.Text)
}

// Problems is everything that is wrong in a file, in the order of the lines.
type Problems []Problem

func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i, problem := range p {
		texts[i] = problem.Error()
	}
	return strings.Join(texts, "\n")
}

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return slices.Compact(p)
}
