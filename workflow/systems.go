package workflow

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// system is a type of sources and destinations.
type system struct {
	// component is what the components are called.
	component string
	// prefixes are the fields that are joined with what follows by a slash,
	// as the original joins them.
	prefixes []string
	// defaults are those of the original, where the component's differ.
	defaults map[string]any
	// ignored are keys of destinations that mean nothing there.
	ignored []string
}

// systems are the types that are built in. A further one is a line here.
var systems = map[string]system{
	"s3":    {component: "ingest_s3", prefixes: []string{"prefix", "metafiles_prefix"}, defaults: map[string]any{"recursive": false}, ignored: []string{"recursive"}},
	"files": {component: "ingest_files"},
	"drive": {component: "ingest_drive", defaults: map[string]any{"sub_folders": false}},
}

// pluginComponent runs the plugins of all other types.
const pluginComponent = "ingest_plugin"

// reserved are fields that the workflow sets.
var reserved = []string{"interval", "operation", "max_in_flight", "destinations", "compare", "delete", "max_delete"}

// role says what an endpoint is used for.
type role struct {
	name  string
	kinds []string
}

var (
	sourceRole      = role{"source", []string{"input", "processor"}}
	destinationRole = role{"destination", []string{"output"}}
)

// componentsOf returns the components of a type in a role.
func componentsOf(typ string, r role, plugins []string) (components []component, builtIn bool, err error) {
	sys, builtIn := systems[typ]
	name := sys.component
	if !builtIn {
		name = pluginComponent
		if !hasPlugin(plugins, typ) {
			return nil, false, fmt.Errorf("unknown type %q: it is none of %s, and there is no plugin of that name in %s",
				typ, strings.Join(builtInTypes(), ", "), strings.Join(plugins, ", "))
		}
	}
	for _, kind := range r.kinds {
		c, ok := findComponent(kind, name)
		if !ok {
			return nil, builtIn, fmt.Errorf("a %s cannot be of type %q", r.name, typ)
		}
		components = append(components, c)
	}
	return components, builtIn, nil
}

func builtInTypes() (names []string) {
	for name, s := range systems {
		if _, ok := findComponent("output", s.component); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// hasPlugin reports whether one of the folders has a file of the name, which leads
// nowhere else.
func hasPlugin(folders []string, name string) bool {
	return filepath.IsLocal(name) && filepath.Base(name) == name && slices.ContainsFunc(folders, func(folder string) bool {
		info, err := os.Stat(filepath.Join(folder, name))
		return err == nil && !info.IsDir()
	})
}
