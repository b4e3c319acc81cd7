package workflow

import (
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

func (p *parser) endpoint(r role, name string, line int, entries []pair) *endpoint {
	e := &endpoint{role: r, name: name, line: line}
	s := scope{&p.opts, "", &e.problems}
	i := slices.IndexFunc(entries, func(e pair) bool { return keyForm(e.key) == "type" })
	if i < 0 {
		s.report(line, "type is missing")
		return e
	}
	typ := entries[i]
	entries = slices.Delete(entries, i, i+1)
	if e.typ = s.name("type", typ.value); e.typ == "" {
		return e
	}
	var err error
	if e.components, e.builtIn, err = componentsOf(e.typ, r, p.opts.Plugins); err != nil {
		s.report(typ.line, "%v", err)
		return e
	}
	if !e.builtIn {
		for _, entry := range entries {
			s.expanded(entry.value)
		}
		e.config = entries
		return e
	}
	e.parseFields(s, entries)
	return e
}

func (e *endpoint) parseFields(s scope, entries []pair) {
	sys := systems[e.typ]
	for _, entry := range entries {
		if e.role.name == destinationRole.name && slices.Contains(sys.ignored, keyForm(entry.key)) {
			continue
		}
		c, f, ok := e.findField(entry.key)
		if !ok {
			s.report(entry.line, "unknown key %s: a %s of type %s has %s", entry.key, e.role.name, e.typ, strings.Join(e.keys(), ", "))
			continue
		}
		if node := checkField(s, c, f, entry); node != nil {
			if slices.Contains(sys.prefixes, f.Name) {
				node = joined(s, node, e.role)
			}
			e.fields = append(e.fields, fieldValue{f.Name, node})
		}
	}
	for _, c := range e.components {
		for _, f := range c.fields {
			if f.required() && !e.has(f.Name) && !slices.ContainsFunc(entries, func(p pair) bool { return keyForm(p.key) == keyForm(f.Name) }) {
				s.report(e.line, "%s is missing", camel(f.Name))
			}
			if def, ok := sys.defaults[f.Name]; ok && !e.has(f.Name) {
				e.fields = append(e.fields, fieldValue{f.Name, literal(def)})
			}
		}
	}
	e.problems = slices.Compact(e.problems)
}

func (e *endpoint) has(name string) bool {
	return slices.ContainsFunc(e.fields, func(f fieldValue) bool { return f.name == name })
}

func (e *endpoint) findField(key string) (c component, f field, ok bool) {
	for _, c := range e.components {
		if f, ok := c.field(key); ok && !slices.Contains(reserved, f.Name) {
			return c, f, true
		}
	}
	return c, f, false
}

// keys returns what the endpoint can have, as one writes it.
func (e *endpoint) keys() (keys []string) {
	for _, c := range e.components {
		for _, f := range c.fields {
			if key := camel(f.Name); !slices.Contains(reserved, f.Name) && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// camel writes the name of a field as files have it.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		if w == "id" {
			words[i+1] = "ID"
		} else {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

// checkField returns the node for a pipeline, or nil if something is wrong.
func checkField(s scope, c component, f field, entry pair) *yaml.Node {
	node := entry.value
	full, known := s.expanded(node)
	if !known {
		return node
	}
	if f.Kind == "scalar" && expectations[f.Type] != "" {
		var value any
		if node, value = s.scalar(entry.key, f.Type, entry.value); node == nil {
			return nil
		}
		if f.Secret {
			return node
		}
		if str, ok := value.(string); ok {
			full = text(str)
		}
	}
	found := c.lint(f.Name, full)
	for _, what := range found {
		s.report(entry.line, "%s: %s", entry.key, what)
	}
	if len(found) > 0 {
		return nil
	}
	return node
}

// joined gives a prefix the slash that the original puts between it and a name. At
// the source only names beneath the slash can be fetched there.
func joined(s scope, n *yaml.Node, r role) *yaml.Node {
	full, known := s.expanded(n)
	c := *n
	switch {
	case !hasVariables(n.Value) && n.Value == "":
	case !hasVariables(n.Value) && r.name == destinationRole.name:
		if c.Value = path.Clean(n.Value); c.Value == "." {
			c.Value = ""
		} else if c.Value != "/" {
			c.Value += "/"
		}
	case known && (full.Value == "" || strings.HasSuffix(full.Value, "/")):
	case !strings.HasSuffix(n.Value, "/"):
		c.Value += "/"
	}
	return &c
}
