package workflow

import (
	"context"
	"encoding/json"
	"os"
	"reflect"
	"slices"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// field is the spec of a component's field, as Benthos writes it as JSON.
type field struct {
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Kind     string          `json:"kind"`
	Optional bool            `json:"is_optional"`
	Secret   bool            `json:"is_secret"`
	Default  json.RawMessage `json:"default"`
	Children []field         `json:"children"`
}

func (f field) required() bool { return f.Default == nil && !f.Optional && len(f.Children) == 0 }

// isDefault reports whether a value need not be written.
func (f field) isDefault(value *yaml.Node) bool {
	var have, want any
	if f.Default == nil || value.Decode(&have) != nil || json.Unmarshal(f.Default, &want) != nil {
		return false
	}
	// Numbers are of one type in JSON.
	normal, err := json.Marshal(have)
	return err == nil && json.Unmarshal(normal, &have) == nil && reflect.DeepEqual(have, want)
}

// component is one of Benthos's, in the role of an input, processor or output.
type component struct {
	kind, name string
	fields     []field
}

func findComponent(kind, name string) (c component, ok bool) {
	env := service.GlobalEnvironment()
	get := map[string]func(string) (*service.ConfigView, bool){
		"input": env.GetInputConfig, "processor": env.GetProcessorConfig, "output": env.GetOutputConfig,
	}[kind]
	view, ok := get(name)
	if !ok {
		return c, false
	}
	var spec struct {
		Config field `json:"config"`
	}
	body, err := view.FormatJSON()
	if err != nil || json.Unmarshal(body, &spec) != nil {
		return c, false
	}
	return component{kind, name, spec.Config.Children}, true
}

// field finds the field that a key of a file means.
func (c component) field(key string) (f field, ok bool) {
	i := slices.IndexFunc(c.fields, func(f field) bool { return keyForm(f.Name) == keyForm(key) })
	if i < 0 {
		return f, false
	}
	return c.fields[i], true
}

// lint returns what Benthos finds wrong with the value of a field.
func (c component) lint(name string, value *yaml.Node) (found []string) {
	fields := newMapping().set(name, value)
	var body yaml.Node
	switch conf := newMapping().set(c.name, &fields.Node); c.kind {
	case "processor":
		body = newMapping().set("pipeline", &newMapping().set("processors", list(&conf.Node)).Node).Node
	default:
		body = newMapping().set(c.kind, &conf.Node).Node
	}
	for _, l := range lintNode(&body) {
		// Other fields may be missing here.
		if l.Type != service.LintMissing {
			found = append(found, l.What)
		}
	}
	return found
}

func lintNode(n *yaml.Node) []service.Lint {
	body, err := yaml.Marshal(n)
	if err != nil {
		return []service.Lint{{Line: 1, What: err.Error()}}
	}
	return lintText(body, nil)
}

// lintText lints a pipeline with variables besides those of the environment.
func lintText(body []byte, env map[string]string) []service.Lint {
	linter := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().
		SetSkipEnvVarCheck(true).
		SetEnvVarLookupFunc(func(_ context.Context, name string) (string, bool) {
			if value, ok := env[name]; ok {
				return value, true
			}
			return os.LookupEnv(name)
		})
	lints, err := linter.LintYAML(body)
	if err != nil {
		return []service.Lint{{Line: 1, What: err.Error()}}
	}
	return lints
}
