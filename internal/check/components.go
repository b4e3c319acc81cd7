package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/queue"
	"github.com/ingest-bundle/ingest/systems"
)

// component is one component of a configuration that reaches something outside.
type component struct {
	report ComponentReport
	path   string
	yaml   string
	fields map[string]any
	// cleansUp says that objects are removed where the component fetches.
	cleansUp bool
	// resources is the YAML of the resources that the component may use.
	resources string

	// One of these is set, or err. A component of another bundle has none.
	queue   *queue.Config
	system  any
	webhook string
	err     error
}

// text returns a field of the component.
func (c *component) text(name string) string {
	s, _ := c.fields[name].(string)
	return s
}

// components finds the components of a configuration.
func (c *Checker) components(text []byte) ([]*component, error) {
	resources, err := resourcesOf(text)
	if err != nil {
		return nil, err
	}
	var all []*component
	cleansUp := false
	err = c.Schema.NewStreamConfigWalker().WalkComponentsYAML(text, func(w *service.WalkedComponent) error {
		if kind := w.ComponentType; kind != "input" && kind != "processor" && kind != "output" {
			return nil
		}
		comp := &component{
			report:    ComponentReport{Line: w.LineStart, Kind: w.ComponentType, Name: w.Name, Label: w.Label},
			path:      w.Path,
			yaml:      w.ConfigYAML(),
			resources: resources,
		}
		c.identify(comp)
		if w.Name == "ingest_fan_out" {
			cleansUp = cleansUp || comp.fields["clean_up"] == true
		}
		all = append(all, comp)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, comp := range all {
		comp.cleansUp = comp.system != nil && comp.report.Kind == "processor" && (cleansUp || comp.text("operation") == "clean_up")
	}
	slices.SortStableFunc(all, func(a, b *component) int { return a.report.Line - b.report.Line })
	return withoutContainers(all), nil
}

// identify finds out what the component reaches.
func (c *Checker) identify(comp *component) {
	var parts map[string]yaml.Node
	if err := yaml.Unmarshal([]byte(comp.yaml), &parts); err != nil {
		comp.err = err
		return
	}
	node := parts[comp.report.Name]
	// A component without fields, or with one value in place of fields.
	_ = node.Decode(&comp.fields)
	switch comp.report.Name {
	case "ingest_queue":
		cfg, err := c.ParseQueue(comp.yaml, comp.report.Kind == "input")
		comp.queue, comp.err = &cfg, err
		if err == nil {
			comp.report.Where = cfg.Where()
		}
		return
	case "ingest_fan_out":
		webhook, _ := comp.fields["webhook"].(map[string]any)
		comp.webhook, _ = webhook["url"].(string)
		comp.report.Where = hostOf(comp.webhook)
		return
	}
	body, err := yaml.Marshal(&node)
	if err != nil {
		comp.err = err
		return
	}
	system, _, err := systems.Build(comp.report.Kind, comp.report.Name, string(body))
	comp.system, comp.err = system, err
	if l, ok := system.(ingest.Locator); ok && err == nil {
		comp.report.Where = l.Location(ingest.Codec{})
		if comp.report.Kind == "input" {
			comp.report.Where += comp.text("prefix")
		}
	}
}

// withoutContainers leaves out what only holds other components, what refers to
// a resource, and the processors that reach nothing we know.
func withoutContainers(all []*component) (kept []*component) {
	holds := func(c *component) bool {
		for _, other := range all {
			if other.report.Kind == c.report.Kind && strings.HasPrefix(other.path, c.path+".") {
				return true
			}
		}
		return false
	}
	for _, c := range all {
		ours := c.system != nil || c.queue != nil || c.webhook != "" || c.err != nil
		stock := c.report.Kind != "processor" && c.report.Name != "resource" && !holds(c)
		if ours || stock {
			kept = append(kept, c)
		}
	}
	return kept
}

// resourcesOf returns the part of a configuration that declares resources.
func resourcesOf(text []byte) (string, error) {
	var parts map[string]yaml.Node
	if err := yaml.Unmarshal(text, &parts); err != nil {
		return "", fmt.Errorf("reading the configuration: %w", err)
	}
	resources := map[string]*yaml.Node{}
	for name, node := range parts {
		if strings.HasSuffix(name, "_resources") {
			resources[name] = &node
		}
	}
	out, err := yaml.Marshal(resources)
	return string(out), err
}
