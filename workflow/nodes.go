package workflow

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// pair is an entry of a mapping.
type pair struct {
	key   string
	line  int
	value *yaml.Node
}

// keyForm makes equal what the original takes for equal, accessKeyID and
// accesskeyid, and the names of fields in Benthos, access_key_id.
func keyForm(key string) string { return strings.ToLower(strings.ReplaceAll(key, "_", "")) }

func deref(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pairsOf returns the entries of a mapping, those of merged mappings included, and
// the second of each two that have one key.
func pairsOf(n *yaml.Node) (pairs, twice []pair) {
	seen := map[string]bool{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], deref(n.Content[i+1])
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		p := pair{key: key.Value, line: key.Line, value: value}
		if seen[keyForm(p.key)] {
			twice = append(twice, p)
			continue
		}
		seen[keyForm(p.key)] = true
		pairs = append(pairs, p)
	}
	for _, m := range merged {
		if m.Kind == yaml.SequenceNode {
			for _, item := range m.Content {
				merged = append(merged, deref(item))
			}
			continue
		}
		more, again := pairsOf(m)
		twice = append(twice, again...)
		for _, p := range more {
			if !seen[keyForm(p.key)] {
				seen[keyForm(p.key)] = true
				pairs = append(pairs, p)
			}
		}
	}
	return pairs, twice
}

// mapping is a YAML mapping in the making.
type mapping struct{ yaml.Node }

func newMapping() *mapping { return &mapping{yaml.Node{Kind: yaml.MappingNode}} }

func (m *mapping) set(key string, value *yaml.Node) *mapping {
	m.Content = append(m.Content, text(key), value)
	return m
}

// text returns a node that is a string whatever it looks like.
func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// literal returns the node of a number or a bool.
func literal(v any) *yaml.Node {
	n := &yaml.Node{}
	// Encoding a number or a bool cannot fail.
	_ = n.Encode(v)
	return n
}

func list(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Content: items}
}
