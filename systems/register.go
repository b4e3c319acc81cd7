// Package systems turns storage systems into Benthos components. One call of
// RegisterSource makes a source an input that scans and a processor that
// fetches; one call of RegisterDestination makes a destination an output that
// stores. All are called ingest_<name>, and have linting, documentation, metrics
// and a connection test.
package systems

import (
	"fmt"
	"regexp"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/inputs"
	"github.com/ingest-bundle/ingest/outputs"
	"github.com/ingest-bundle/ingest/processors"
)

// Example shows a configuration in the documentation of a component.
type Example struct {
	Title, Summary string
	// Config is the YAML of a whole pipeline, or of a part of it.
	Config string
}

// Source describes a system that objects come from.
type Source struct {
	// Name of the system, in lower case: the components are ingest_<name>.
	Name string
	// Title is how people call the system.
	Title string
	// Description is Markdown for the documentation of both components.
	Description string
	// Fields configure the connection; both components have them.
	Fields []*service.ConfigField
	// ScanFields are fields that only the input has.
	ScanFields []*service.ConfigField
	// InputExamples and ProcessorExamples go into the documentation.
	InputExamples, ProcessorExamples []Example
	// New creates the source, for the input and for the processor; the
	// fields of ScanFields are there only for the input, as conf.Contains
	// tells. It must not connect.
	New func(conf *service.ParsedConfig, res *service.Resources) (ingest.Source, error)
}

// Destination describes a system that objects go to.
type Destination struct {
	// Name of the system, in lower case: the output is ingest_<name>.
	Name string
	// Title is how people call the system.
	Title string
	// Description is Markdown for the documentation of the output.
	Description string
	// Fields configure the connection and what is stored.
	Fields []*service.ConfigField
	// Examples go into the documentation.
	Examples []Example
	// New creates the destination. It must not connect.
	New func(conf *service.ParsedConfig, res *service.Resources) (ingest.Destination, error)
}

var nameRegexp = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func componentName(name string) (string, error) {
	if !nameRegexp.MatchString(name) {
		return "", fmt.Errorf("system %q: a name of lower-case letters, digits and _ was expected", name)
	}
	return "ingest_" + name, nil
}

func newSpec(summary, description string, examples []Example) *service.ConfigSpec {
	spec := service.NewConfigSpec().
		Beta().
		Version("0.1.0").
		Categories("Services").
		Summary(summary).
		Description(description)
	for _, e := range examples {
		spec = spec.Example(e.Title, e.Summary, e.Config)
	}
	return spec
}

// RegisterSource registers the input and the processor ingest_<name> with all
// Benthos environments of the process. It fails if the name is no name. No field
// may have the name of one of inputs.ScanFields or processors.FetchFields.
func RegisterSource(s Source) error {
	name, err := componentName(s.Name)
	if err != nil {
		return err
	}
	input := newSpec("Lists "+s.Title+" and emits an element for each object.", s.Description+inputs.ScanMetadata, s.InputExamples).
		Fields(s.Fields...).
		Fields(s.ScanFields...).
		Fields(inputs.ScanFields()...)
	err = service.RegisterInput(name, input, func(conf *service.ParsedConfig, res *service.Resources) (service.Input, error) {
		source, err := s.New(conf, res)
		if err != nil {
			return nil, err
		}
		return inputs.NewScan(source, conf, res)
	})
	if err != nil {
		return fmt.Errorf("registering input %s: %w", name, err)
	}
	build := func(conf *service.ParsedConfig, res *service.Resources) (any, error) { return s.New(conf, res) }
	register("input", name, input, build)
	processor := newSpec("Fetches the object that a message names from "+s.Title+".", s.Description+processors.FetchMetadata, s.ProcessorExamples).
		Fields(s.Fields...).
		Fields(processors.FetchFields()...)
	err = service.RegisterProcessor(name, processor, func(conf *service.ParsedConfig, res *service.Resources) (service.Processor, error) {
		source, err := s.New(conf, res)
		if err != nil {
			return nil, err
		}
		return processors.NewFetch(source, conf, res)
	})
	if err != nil {
		return fmt.Errorf("registering processor %s: %w", name, err)
	}
	register("processor", name, processor, build)
	return nil
}

// RegisterDestination registers the output ingest_<name> with all Benthos
// environments of the process. It fails as RegisterSource does. No field may have
// the name of one of outputs.StoreFields.
func RegisterDestination(d Destination) error {
	name, err := componentName(d.Name)
	if err != nil {
		return err
	}
	spec := newSpec("Stores objects in "+d.Title+", verified.", d.Description+outputs.StoreMetrics, d.Examples).
		Fields(d.Fields...).
		Fields(outputs.StoreFields()...)
	err = service.RegisterOutput(name, spec, func(conf *service.ParsedConfig, res *service.Resources) (service.Output, int, error) {
		dest, err := d.New(conf, res)
		if err != nil {
			return nil, 0, err
		}
		return outputs.NewStore(dest, conf, res)
	})
	if err != nil {
		return fmt.Errorf("registering output %s: %w", name, err)
	}
	register("output", name, spec, func(conf *service.ParsedConfig, res *service.Resources) (any, error) { return d.New(conf, res) })
	return nil
}
