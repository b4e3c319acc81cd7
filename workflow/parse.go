package workflow

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Parse reads a file. What is wrong in it is returned as Problems, all at once; the
// file then holds the workflows that are sound all the same. It is nil if the file
// as a whole cannot be understood, which includes names that are there twice.
func Parse(text []byte, opts Options) (*File, error) {
	p := &parser{opts: opts}
	file := p.parse(text)
	if len(p.fatal) > 0 {
		return nil, p.all().sorted()
	}
	if problems := p.all(); len(problems) > 0 {
		return file, problems.sorted()
	}
	return file, nil
}

type parser struct {
	opts      Options
	fatal     Problems
	endpoints []*endpoint
	workflows []*workflow
}

func (p *parser) top() scope { return scope{&p.opts, "", &p.fatal} }

func (p *parser) parse(text []byte) *File {
	root, problem := document(text)
	if problem != nil {
		p.fatal = append(p.fatal, *problem)
		return nil
	}
	if root == nil {
		p.top().report(1, "the file is empty: sources, destinations and workflows were expected")
		return nil
	}
	parts := map[string]*yaml.Node{}
	for _, e := range p.top().entries(root) {
		switch key := keyForm(e.key); key {
		case "sources", "destinations", "workflows":
			parts[key] = e.value
		case "version":
			// The original has it, and takes any.
		default:
			p.top().report(e.line, "unknown key %s: sources, destinations and workflows were expected", e.key)
		}
	}
	for _, part := range []string{"sources", "destinations", "workflows"} {
		switch n := parts[part]; {
		case len(p.fatal) > 0:
		case n == nil:
			p.top().report(1, "there are no %s", part)
		case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
			p.top().report(n.Line, "there are no %s", part)
		}
	}
	sources := p.endpointsOf("sources", parts["sources"], sourceRole)
	destinations := p.endpointsOf("destinations", parts["destinations"], destinationRole)
	p.workflowsOf(parts["workflows"], sources, destinations)
	return p.sound()
}

// named parses the items of a list, each by its name.
func (p *parser) named(part string, n *yaml.Node, parse func(name string, line int, entries []pair)) {
	if n == nil {
		return
	}
	singular := strings.TrimSuffix(part, "s")
	lines := map[string]int{}
	for _, item := range p.top().items(part, n) {
		if item.Kind != yaml.MappingNode {
			p.top().report(item.Line, "a %s was expected, with its name and further keys", singular)
			continue
		}
		entries := p.top().entries(item)
		i := slices.IndexFunc(entries, func(e pair) bool { return keyForm(e.key) == "name" })
		if i < 0 {
			p.top().report(item.Line, "a %s without a name", singular)
			continue
		}
		name := p.top().name("name", entries[i].value)
		if name == "" {
			continue
		}
		if line, twice := lines[name]; twice {
			p.top().report(entries[i].line, "there are two %s called %s, the other one in line %d", part, name, line)
			continue
		}
		lines[name] = entries[i].line
		parse(name, item.Line, slices.Delete(entries, i, i+1))
	}
}

func (p *parser) endpointsOf(part string, n *yaml.Node, r role) map[string]*endpoint {
	byName := map[string]*endpoint{}
	p.named(part, n, func(name string, line int, entries []pair) {
		e := p.endpoint(r, name, line, entries)
		byName[name] = e
		p.endpoints = append(p.endpoints, e)
	})
	return byName
}

var workflowName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (p *parser) workflowsOf(n *yaml.Node, sources, destinations map[string]*endpoint) {
	p.named("workflows", n, func(name string, line int, entries []pair) {
		w := &workflow{name: name, line: line}
		s := scope{&p.opts, "workflow " + name, &w.problems}
		if !workflowName.MatchString(name) {
			s.report(line, "the name becomes part of a subject and a consumer: letters, digits, - and _ were expected")
		}
		w.parse(s, entries, sources, destinations)
		p.workflows = append(p.workflows, w)
	})
}

func (w *workflow) parse(s scope, entries []pair, sources, destinations map[string]*endpoint) {
	for _, e := range entries {
		switch keyForm(e.key) {
		case "source":
			w.source = find(s, "source", e.value, sources, w.name)
		case "destinations":
			for _, item := range s.items(e.key, e.value) {
				d := find(s, "destination", item, destinations, w.name)
				if d != nil && slices.Contains(w.destinations, d) {
					s.report(item.Line, "destination %s is listed twice", d.name)
				}
				w.destinations = append(w.destinations, d)
			}
			if len(e.value.Content) == 0 && e.value.Kind == yaml.SequenceNode {
				s.report(e.line, "destinations: at least one was expected")
			}
		case "cleanup":
			w.cleanUp, _ = s.scalar(e.key, "bool", e.value)
		case "interval":
			w.interval = interval(s, e)
		case "batchsize":
			w.batchSize = count(s, e)
		case "concurrency":
			w.concurrency = count(s, e)
		case "webhook":
			w.webhook = webhook(s, e)
		case "overwrite":
			w.overwrite, _ = s.scalar(e.key, "string", e.value)
		case "processors":
			w.processors = processors(s, e)
		default:
			s.report(e.line, "unknown key %s", e.key)
		}
	}
	for _, key := range []string{"source", "destinations"} {
		if !slices.ContainsFunc(entries, func(e pair) bool { return keyForm(e.key) == key }) {
			s.report(w.line, "%s is missing", key)
		}
	}
	if w.concurrency == nil {
		w.concurrency = w.batchSize
	}
}

func find(s scope, what string, n *yaml.Node, all map[string]*endpoint, workflow string) *endpoint {
	name := s.name(what, n)
	if name == "" {
		return nil
	}
	e := all[name]
	if e == nil {
		s.report(n.Line, "unknown %s %s", what, name)
		return nil
	}
	if !slices.Contains(e.usedBy, workflow) {
		e.usedBy = append(e.usedBy, workflow)
	}
	return e
}

// interval returns the node for a pipeline. A number without a unit counts
// nanoseconds in the original, which nobody means.
func interval(s scope, e pair) *yaml.Node {
	if e.value.Kind == yaml.ScalarNode && e.value.Tag == "!!int" && e.value.Value == "0" {
		return text("0s")
	}
	if e.value.Kind == yaml.ScalarNode && e.value.Tag == "!!int" {
		s.report(e.line, "%s: %s has no unit: a duration such as 300s was expected", e.key, e.value.Value)
		return nil
	}
	node, value := s.scalar(e.key, "string", e.value)
	if value == nil {
		return node
	}
	if d, err := time.ParseDuration(value.(string)); err != nil || d < 0 {
		s.report(e.line, "%s: %q is no duration: one such as 300s was expected", e.key, value)
		return nil
	}
	return node
}

// count returns a number above 0, or nil where it is 0, which is the default.
func count(s scope, e pair) *yaml.Node {
	node, value := s.scalar(e.key, "int", e.value)
	if value == nil {
		return node
	}
	switch n := value.(int); {
	case n < 0:
		s.report(e.line, "%s: %d is less than 0", e.key, n)
		return nil
	case n == 0:
		return nil
	}
	return node
}

func webhook(s scope, e pair) *yaml.Node {
	node, value := s.scalar(e.key, "string", e.value)
	if value == nil {
		return node
	}
	if value == "" {
		return nil
	}
	if u, err := url.Parse(value.(string)); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		// The URL may hold a password.
		s.report(e.line, "%s: a URL such as http://localhost:8080 was expected", e.key)
	}
	return node
}

// processors are Benthos's own: variables are what Benthos takes for one, and $name
// belongs to Bloblang.
func processors(s scope, e pair) *yaml.Node {
	for _, item := range s.items(e.key, e.value) {
		item = restored(item)
		conf := newMapping().set("pipeline", &newMapping().set("processors", list(item)).Node)
		for _, l := range lintNode(&conf.Node) {
			s.report(item.Line, "%s: %s", e.key, l.What)
		}
	}
	if len(e.value.Content) == 0 {
		return nil
	}
	return restored(e.value)
}

// restored returns a copy with the variables as they stood in the file.
func restored(n *yaml.Node) *yaml.Node {
	n = deref(n)
	c := *n
	c.Anchor, c.Value, c.Content = "", restore(n.Value), nil
	c.HeadComment, c.LineComment, c.FootComment = restore(n.HeadComment), restore(n.LineComment), restore(n.FootComment)
	for _, item := range n.Content {
		c.Content = append(c.Content, restored(item))
	}
	return &c
}

// sound returns the workflows that nothing is wrong with.
func (p *parser) sound() *File {
	f := &File{opts: p.opts}
	for _, w := range p.workflows {
		whole := len(w.problems) == 0
		for _, e := range append([]*endpoint{w.source}, w.destinations...) {
			whole = whole && e != nil && len(e.problems) == 0
		}
		if whole {
			w.problems = f.lint(w)
		}
		if whole = whole && len(w.problems) == 0; whole {
			f.workflows = append(f.workflows, w)
		} else {
			f.Skipped = append(f.Skipped, w.name)
		}
	}
	return f
}

func (p *parser) all() (all Problems) {
	all = append(all, p.fatal...)
	for _, e := range p.endpoints {
		for _, problem := range e.problems {
			problem.Where = e.where()
			all = append(all, problem)
		}
	}
	for _, w := range p.workflows {
		all = append(all, w.problems...)
	}
	return all
}

// where names the endpoint, and the workflows that cannot be run without it.
func (e *endpoint) where() string {
	where := fmt.Sprintf("%s %s", e.role.name, e.name)
	switch len(e.usedBy) {
	case 0:
		return where
	case 1:
		return "workflow " + e.usedBy[0] + ": " + where
	}
	return "workflows " + strings.Join(e.usedBy, ", ") + ": " + where
}
