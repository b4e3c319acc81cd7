package safety

import (
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// Slips finds in a configuration what the linter of Benthos passes over: keys that
// are given twice, and numbers and switches of our components that are none.
func Slips(schema *service.ConfigSchema, file string, text []byte) ([]Finding, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	findings := repeatedKeys(file, &doc)
	err := schema.NewStreamConfigWalker().WalkComponentsYAML(text, func(c *service.WalkedComponent) error {
		path := append(strings.Split(c.Path, "."), c.Name)
		for _, f := range fieldsIn(schema.Environment(), c.ComponentType, c.Name) {
			into, what := typed(f.Type)
			node := at(&doc, append(path, strings.Split(f.FullName, ".")...))
			if into == nil || node == nil || node.Decode(into) == nil {
				continue
			}
			findings = append(findings, Finding{file, node.Line, fmt.Sprintf("field %s: %s was expected", f.FullName, what)})
		}
		return nil
	})
	return findings, err
}

func repeatedKeys(file string, node *yaml.Node) (findings []Finding) {
	if node.Kind == yaml.MappingNode {
		lines := map[string]int{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if first, ok := lines[key.Value]; ok {
				findings = append(findings, Finding{file, key.Line, fmt.Sprintf("field %s is given twice, first in line %d", key.Value, first)})
				continue
			}
			lines[key.Value] = key.Line
		}
	}
	for _, child := range node.Content {
		findings = append(findings, repeatedKeys(file, child)...)
	}
	return findings
}

// fieldsIn returns the fields of a component of ours.
func fieldsIn(env *service.Environment, kind, name string) []service.TemplateDataPluginField {
	get := map[string]func(string) (*service.ConfigView, bool){
		"input": env.GetInputConfig, "processor": env.GetProcessorConfig, "output": env.GetOutputConfig,
	}[kind]
	if get == nil || !strings.HasPrefix(name, "ingest_") {
		return nil
	}
	view, ok := get(name)
	if !ok {
		return nil
	}
	data, err := view.TemplateData()
	if err != nil {
		return nil
	}
	return data.Fields
}

// typed returns what a value of the type is decoded into, as Benthos does for a
// run, and how people call it.
func typed(fieldType string) (into any, what string) {
	switch fieldType {
	case "int":
		return new(int), "a whole number"
	case "float":
		return new(float64), "a number"
	case "bool":
		return new(bool), "true or false"
	}
	return nil, ""
}

// at returns the value at a path of keys and indices, or nil.
func at(node *yaml.Node, path []string) *yaml.Node {
	switch {
	case node.Kind == yaml.DocumentNode && len(node.Content) > 0:
		return at(node.Content[0], path)
	case node.Kind == yaml.AliasNode:
		return at(node.Alias, path)
	case len(path) == 0:
		return node
	}
	for i, child := range node.Content {
		switch {
		case node.Kind == yaml.SequenceNode && fmt.Sprint(i) == path[0]:
			return at(child, path[1:])
		case node.Kind == yaml.MappingNode && i%2 == 0 && child.Value == path[0]:
			return at(node.Content[i+1], path[1:])
		}
	}
	return nil
}
