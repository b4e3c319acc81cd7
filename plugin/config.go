package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"

	"gopkg.in/yaml.v3"
)

// Config is what a configuration says in its field config: strings, booleans,
// numbers (int where they are whole), lists and maps.
type Config map[string]any

// Decode puts the configuration into a struct, by the names of its fields or by
// their json tags. Capitals make no difference. It fails if the configuration has
// a field that the struct has not.
func (c Config) Decode(into any) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	return nil
}

// parseConfig reads JSON. YAML has integers, which JSON has not, and is a superset.
func parseConfig(text []byte) (Config, error) {
	config := map[string]any{}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return config, nil
}
