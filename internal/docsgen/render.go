package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// ours is what the names of the bundle's components begin with.
const ours = "ingest_"

var (
	//go:embed page.md.tmpl
	pageText string
	//go:embed index.md.tmpl
	indexText string

	functions = template.FuncMap{"trim": strings.TrimSpace, "oneLine": oneLine}
	page      = template.Must(template.New("page").Funcs(functions).Parse(pageText))
	index     = template.Must(template.New("index").Funcs(functions).Parse(indexText))
)

// oneLine makes text fit into a cell of a table.
func oneLine(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// component is what a page shows.
type component struct {
	service.TemplateDataPlugin
	// Path of the page, from the index.
	Path string
	// Prose is the description up to its first heading, Sections the rest.
	Prose, Sections string
	Fields          []field
}

// render returns the pages by their paths.
func render(env *service.Environment) (map[string][]byte, error) {
	components, err := collect(env)
	if err != nil {
		return nil, err
	}
	pages := map[string][]byte{}
	execute := func(path string, t *template.Template, data any) {
		var text bytes.Buffer
		if e := t.Execute(&text, data); e != nil {
			err = errors.Join(err, fmt.Errorf("rendering %s: %w", path, e))
		}
		pages[path] = text.Bytes()
	}
	for _, c := range components {
		execute(c.Path, page, c)
	}
	execute("README.md", index, components)
	return pages, err
}

// collect returns the bundle's components: inputs, processors, outputs, each
// sorted by name.
func collect(env *service.Environment) (all []component, err error) {
	in := func(folder string) func(string, *service.ConfigView) {
		return func(name string, view *service.ConfigView) {
			if !strings.HasPrefix(name, ours) {
				return
			}
			c, e := newComponent(view)
			if e != nil {
				err = errors.Join(err, fmt.Errorf("component %s: %w", name, e))
				return
			}
			c.Path = folder + "/" + name + ".md"
			all = append(all, c)
		}
	}
	env.WalkInputs(in("inputs"))
	env.WalkProcessors(in("processors"))
	env.WalkOutputs(in("outputs"))
	return all, err
}

func newComponent(view *service.ConfigView) (c component, err error) {
	if c.TemplateDataPlugin, err = view.TemplateData(); err != nil {
		return c, err
	}
	if c.Fields, err = fieldsOf(view); err != nil {
		return c, err
	}
	var rest string
	var found bool
	if c.Prose, rest, found = strings.Cut("\n"+c.Description, "\n### "); found {
		// On the page they are beneath the title, in the spec they are not.
		c.Sections = strings.ReplaceAll("\n### "+rest, "\n### ", "\n## ")
	}
	return c, nil
}
