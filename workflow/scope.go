package workflow

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// scope is the part of a file in which values are looked at.
type scope struct {
	opts     *Options
	where    string
	problems *Problems
}

func (s scope) report(line int, format string, args ...any) {
	*s.problems = append(*s.problems, Problem{Line: line, Where: s.where, Text: fmt.Sprintf(format, args...)})
}

// entries returns what a mapping holds; values that are not given are left out.
func (s scope) entries(n *yaml.Node) (given []pair) {
	if n.Kind != yaml.MappingNode {
		s.report(n.Line, "a mapping of keys to values was expected")
		return nil
	}
	pairs, twice := pairsOf(n)
	for _, p := range twice {
		s.report(p.line, "key %s is given twice", p.key)
	}
	for _, p := range pairs {
		if p.key == "" {
			s.report(p.line, "a key that is a text was expected")
			continue
		}
		if p.value.Tag != "!!null" {
			given = append(given, p)
		}
	}
	return given
}

// items returns what a list holds.
func (s scope) items(key string, n *yaml.Node) (items []*yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		s.report(n.Line, "%s: a list was expected", key)
		return nil
	}
	for _, item := range n.Content {
		items = append(items, deref(item))
	}
	return items
}

// expanded returns a copy of a value in which variables are replaced. It is not
// known if a variable is not set.
func (s scope) expanded(n *yaml.Node) (value *yaml.Node, known bool) {
	n = deref(n)
	c := *n
	c.Anchor, c.HeadComment, c.LineComment, c.FootComment, c.Content = "", "", "", "", nil
	known = true
	if n.Kind == yaml.ScalarNode && hasVariables(n.Value) {
		var missing []string
		c.Value, missing = expand(n.Value, s.opts.lookup)
		known = len(missing) == 0
		if !known && !s.opts.AllowUnset {
			s.report(n.Line, "variable %s is not set", strings.Join(missing, ", "))
		}
		if n.Style == 0 {
			// It may be a number or a bool now.
			c.Tag = ""
		}
	}
	for _, item := range n.Content {
		child, ok := s.expanded(item)
		c.Content = append(c.Content, child)
		known = known && ok
	}
	return &c, known
}

// name returns a word that other parts of the file go by. It has to be known also
// where variables need not be set.
func (s scope) name(key string, n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		s.report(n.Line, "%s: a name was expected", key)
		return ""
	}
	value, missing := expand(n.Value, s.opts.lookup)
	switch {
	case len(missing) > 0:
		s.report(n.Line, "%s: variable %s is not set", key, strings.Join(missing, ", "))
		return ""
	case n.Tag != "!!str":
		s.report(n.Line, "%s: a text was expected: put %s into quotes", key, value)
		return ""
	case value == "":
		s.report(n.Line, "%s: a name was expected", key)
	}
	return value
}

var expectations = map[string]string{
	"string": "a text", "bool": "true or false", "int": "a whole number", "float": "a number",
}

// scalar checks that a value is of a type. It returns the node for a pipeline, or
// nil if the value is not of the type, and the value itself, or nil if it depends on
// variables that are not set.
func (s scope) scalar(key, typ string, n *yaml.Node) (node *yaml.Node, value any) {
	if n.Kind != yaml.ScalarNode {
		s.report(n.Line, "%s: %s was expected", key, expectations[typ])
		return nil, nil
	}
	full, known := s.expanded(n)
	if !known {
		return n, nil
	}
	if typ == "string" {
		if !hasVariables(n.Value) && n.Tag != "!!str" {
			s.report(n.Line, "%s: a text was expected: put %s into quotes", key, n.Value)
			return nil, nil
		}
		return n, full.Value
	}
	value, err := decode(typ, full)
	if err != nil {
		s.report(n.Line, "%s: %s was expected", key, expectations[typ])
		return nil, nil
	}
	if hasVariables(n.Value) {
		return n, value
	}
	return literal(value), value
}

func decode(typ string, n *yaml.Node) (value any, err error) {
	switch typ {
	case "bool":
		var v bool
		err = n.Decode(&v)
		value = v
	case "int":
		if n.ShortTag() != "!!int" {
			// Decode would cut 1.5 to 1.
			return nil, fmt.Errorf("%s is not whole", n.ShortTag())
		}
		var v int
		err = n.Decode(&v)
		value = v
	default:
		var v float64
		err = n.Decode(&v)
		value = v
	}
	return value, err
}
