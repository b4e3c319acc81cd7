package systems

import (
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
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
