package workflow

import (
	"os"

	"gopkg.in/yaml.v3"
)

// Options say how a file is parsed.
type Options struct {
	// LookupEnv finds variables; os.LookupEnv if it is nil.
	LookupEnv func(string) (string, bool)
	// AllowUnset lets variables pass that are not set. What depends on their
	// values is then not checked.
	AllowUnset bool
	// Plugins are the folders in which types that are not built in are looked
	// for.
	Plugins []string
}

func (o *Options) lookup(name string) (string, bool) {
	if o.LookupEnv == nil {
		return os.LookupEnv(name)
	}
	return o.LookupEnv(name)
}

// File holds the workflows of a file that can be run.
type File struct {
	workflows []*workflow
	// Skipped are the names of the workflows that cannot be run, for the
	// reasons that Parse returns.
	Skipped []string
	opts    Options
}

// Workflows returns the names of the workflows that can be run.
func (f *File) Workflows() (names []string) {
	for _, w := range f.workflows {
		names = append(names, w.name)
	}
	return names
}

// endpoint is a source or a destination.
type endpoint struct {
	role       role
	name, typ  string
	line       int
	components []component
	// fields are the values by the names of the components' fields.
	fields []fieldValue
	// config is what a plugin gets.
	config   []pair
	builtIn  bool
	usedBy   []string
	problems Problems
}

type fieldValue struct {
	name  string
	value *yaml.Node
}

// workflow moves objects from a source to its destinations.
type workflow struct {
	name         string
	line         int
	source       *endpoint
	destinations []*endpoint
	// What follows is nil where it is not given.
	cleanUp, interval, batchSize, concurrency, webhook, overwrite, processors *yaml.Node
	problems                                                                  Problems
}
