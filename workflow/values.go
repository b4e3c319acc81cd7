package workflow

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// Secrets says what becomes of the secrets of a file in the pipelines. Variables of
// the file are kept in all cases but Hidden.
type Secrets int

const (
	// Masked puts a variable in place of each secret that stands in the file,
	// for pipelines that are shown.
	Masked Secrets = iota
	// Kept leaves secrets as they stand in the file.
	Kept
	// Hidden puts a variable in place of every secret and every variable, and
	// gives the values along with the pipelines.
	Hidden
)

// values makes the values of pipelines from those of a file.
type values struct {
	secrets Secrets
	opts    *Options
	// env holds the values of the variables that Hidden makes.
	env map[string]string
	// masked are the variables that Masked makes.
	masked []string
}

// secretName matches the names of what may be a secret in the configuration of a
// plugin, which does not say.
var secretName = regexp.MustCompile(`(?i)secret|passw|token|credential|key`)

// of returns the value of a field; owner and name are what a variable is named after.
func (v *values) of(owner, name string, secret bool, n *yaml.Node) *yaml.Node {
	n = deref(n)
	c := *n
	c.Anchor, c.HeadComment, c.LineComment, c.FootComment, c.Content = "", "", "", "", nil
	switch {
	case n.Kind == yaml.MappingNode:
		pairs, _ := pairsOf(n)
		for _, p := range pairs {
			inner := secret || secretName.MatchString(p.key)
			c.Content = append(c.Content, text(p.key), v.of(owner, name+"_"+p.key, inner, p.value))
		}
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			c.Content = append(c.Content, v.of(owner, fmt.Sprintf("%s_%d", name, i), secret, item))
		}
	case hasVariables(n.Value) && v.secrets == Hidden:
		return v.hide(n)
	case hasVariables(n.Value):
		c.Value, c.Tag = unmark(n.Value), "!!str"
	case !secret || n.Tag != "!!str" || n.Value == "":
	case v.secrets == Hidden:
		return v.hide(n)
	case v.secrets == Masked:
		variable := variableName(owner + "_" + name)
		v.masked = append(v.masked, variable)
		return plain("${" + variable + "}")
	}
	return &c
}

// hide keeps a value out of the pipeline.
func (v *values) hide(n *yaml.Node) *yaml.Node {
	value, _ := expand(n.Value, v.opts.lookup)
	full := &yaml.Node{Kind: yaml.ScalarNode, Value: value}
	if n.Style == 0 && full.ShortTag() != "!!str" && full.ShortTag() != "!!null" && hasVariables(n.Value) {
		// A number or a bool is no secret.
		return full
	}
	return v.hideText(value)
}

func (v *values) hideText(value string) *yaml.Node {
	name := fmt.Sprintf("INGEST_WORKFLOW_FILE_%d", len(v.env)+1)
	// Variables are replaced in the text of the pipeline. Strings of JSON are
	// strings of YAML. Encoding a string cannot fail.
	quoted, _ := json.Marshal(value)
	v.env[name] = string(quoted[1 : len(quoted)-1])
	return &yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: "${" + name + "}"}
}

func plain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

var notInVariables = regexp.MustCompile(`[^A-Z0-9]+`)

func variableName(s string) string {
	return strings.Trim(notInVariables.ReplaceAllString(strings.ToUpper(s), "_"), "_")
}
