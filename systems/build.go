package systems

import (
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
)

// builders make the systems of registered components, by builderKey.
var builders sync.Map

type builderKey struct{ kind, name string }

type builder func(conf *service.ParsedConfig, res *service.Resources) (any, error)

type registered struct {
	spec  *service.ConfigSpec
	build builder
}

func register(kind, name string, spec *service.ConfigSpec, build builder) {
	builders.Store(builderKey{kind, name}, registered{spec, build})
}

// Build makes the ingest.Source or ingest.Destination that a component has, from
// the component's fields in YAML. The kind is input, processor or output. It
// reports false if no such component is registered, and fails as New does, or
// if the fields are not those of the component.
func Build(kind, name, fields string) (system any, ok bool, err error) {
	v, ok := builders.Load(builderKey{kind, name})
	if !ok {
		return nil, false, nil
	}
	r := v.(registered)
	conf, err := r.spec.ParseYAML(fields, service.GlobalEnvironment())
	if err != nil {
		return nil, true, err
	}
	system, err = r.build(conf, service.MockResources())
	return system, true, err
}

// NewSource makes the source of a registered system, such as s3, from the fields of its
// input in YAML, for programs that use it themselves. It fails if no such source is
// registered, which the import of its package does, or if the fields are wrong, and
// connects to nothing.
func NewSource(name, fields string) (ingest.Source, error) {
	return buildAs[ingest.Source]("input", name, fields)
}

// NewDestination makes the destination of a registered system, such as s3, from the
// fields of its output in YAML. It fails as NewSource does.
func NewDestination(name, fields string) (ingest.Destination, error) {
	return buildAs[ingest.Destination]("output", name, fields)
}

func buildAs[T any](kind, name, fields string) (made T, err error) {
	component, err := componentName(name)
	if err != nil {
		return made, err
	}
	system, ok, err := Build(kind, component, fields)
	if err != nil {
		return made, fmt.Errorf("system %q: %w", name, err)
	}
	if !ok {
		return made, fmt.Errorf("system %q: no such %s is registered: is its package imported?", name, kind)
	}
	return system.(T), nil
}
