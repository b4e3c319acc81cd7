package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// field is the spec of a field, as Benthos writes it as JSON. The data that it
// prepares for templates lacks what is advanced, and what a list is a list of.
type field struct {
	Name             string          `json:"name"`
	ValueType        string          `json:"type"`
	Kind             string          `json:"kind"`
	Description      string          `json:"description"`
	IsAdvanced       bool            `json:"is_advanced"`
	IsDeprecated     bool            `json:"is_deprecated"`
	IsOptional       bool            `json:"is_optional"`
	IsSecret         bool            `json:"is_secret"`
	IsInterpolated   bool            `json:"interpolated"`
	DefaultJSON      json.RawMessage `json:"default"`
	RawExamples      []any           `json:"examples"`
	AnnotatedOptions [][2]string     `json:"annotated_options"`
	Options          []string        `json:"options"`
	Children         []field         `json:"children"`

	// FullName is the path from the component's root.
	FullName string `json:"-"`
}

func fieldsOf(view *service.ConfigView) ([]field, error) {
	text, err := view.FormatJSON()
	if err != nil {
		return nil, err
	}
	var spec struct {
		Config field `json:"config"`
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	return flatten("", false, spec.Config.Children), nil
}

// flatten returns the fields with all that are beneath them. What is beneath an
// advanced field is advanced too.
func flatten(path string, advanced bool, fields []field) (all []field) {
	for _, f := range fields {
		if f.IsDeprecated {
			continue
		}
		f.FullName = path + f.Name
		f.IsAdvanced = f.IsAdvanced || advanced
		all = append(all, f)
		all = append(all, flatten(f.FullName+inside[f.Kind]+".", f.IsAdvanced, f.Children)...)
	}
	return all
}

// inside is the part of a path that stands for any item of a kind.
var inside = map[string]string{"array": "[]", "2darray": "[][]", "map": ".<name>"}

// Type says what values the field takes.
func (f field) Type() string {
	switch f.Kind {
	case "array":
		return "list of " + f.ValueType + "s"
	case "2darray":
		return "list of lists of " + f.ValueType + "s"
	case "map":
		return "map of names to " + f.ValueType + "s"
	}
	return f.ValueType
}

// Default is the default as JSON, or empty. That of an object is that of its
// fields.
func (f field) Default() string {
	if f.ValueType == "object" && f.Kind == "scalar" {
		return ""
	}
	return string(f.DefaultJSON)
}

// Required says that the field must be set.
func (f field) Required() bool {
	return f.DefaultJSON == nil && !f.IsOptional && len(f.Children) == 0
}

// Traits are what else is to be known, as a sentence each.
func (f field) Traits() string {
	traits := []string{"Type: " + f.Type() + "."}
	if f.Required() {
		traits = append(traits, "Required.")
	}
	if d := f.Default(); d != "" {
		traits = append(traits, "Default: `"+d+"`.")
	}
	if f.IsInterpolated {
		traits = append(traits, "Takes [interpolations](https://docs.redpanda.com/redpanda-connect/configuration/interpolation/).")
	}
	if f.IsSecret {
		traits = append(traits, "Secret: take it from the environment, `${NAME}`.")
	}
	if f.IsAdvanced {
		traits = append(traits, "Advanced.")
	}
	return strings.Join(traits, " ")
}

// Examples are the examples as YAML, as if the field were at the root.
func (f field) Examples() ([]string, error) {
	examples := make([]string, len(f.RawExamples))
	for i, e := range f.RawExamples {
		var text bytes.Buffer
		enc := yaml.NewEncoder(&text)
		enc.SetIndent(2)
		if err := enc.Encode(map[string]any{f.Name: e}); err != nil {
			return nil, fmt.Errorf("example of field %s: %w", f.FullName, err)
		}
		examples[i] = text.String()
	}
	return examples, nil
}
