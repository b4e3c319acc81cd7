package systems_test

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems"
)

func TestRegisterRefusesNames(t *testing.T) {
	for _, name := range []string{"", "Foo", "a-b", "3s", "a b", "_a", "é"} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, systems.RegisterSource(systems.Source{Name: name}), "a name of lower-case letters")
			require.ErrorContains(t, systems.RegisterDestination(systems.Destination{Name: name}), "a name of lower-case letters")
		})
	}
}

func TestNewSystems(t *testing.T) {
	fields := []*service.ConfigField{service.NewStringField("author")}
	require.NoError(t, systems.RegisterSource(systems.Source{
		Name: "sayings_by", Fields: fields,
		New: func(conf *service.ParsedConfig, _ *service.Resources) (ingest.Source, error) {
			author, err := conf.FieldString("author")
			return &quotes{author: author}, err
		},
	}))
	source, err := systems.NewSource("sayings_by", "author: anon")
	require.NoError(t, err)
	assert.Equal(t, &quotes{author: "anon"}, source)
	_, err = systems.NewSource("sayings_by", "{}")
	require.ErrorContains(t, err, "author")
	_, err = systems.NewSource("unknown", "{}")
	require.ErrorContains(t, err, `system "unknown": no such input is registered`)
	_, err = systems.NewDestination("sayings_by", "author: anon")
	require.ErrorContains(t, err, "no such output is registered", "it is a source only")

	require.NoError(t, systems.RegisterDestination(systems.Destination{
		Name: "other_wall",
		New:  func(*service.ParsedConfig, *service.Resources) (ingest.Destination, error) { return wall{}, nil },
	}))
	dest, err := systems.NewDestination("other_wall", "{}")
	require.NoError(t, err)
	assert.Equal(t, wall{}, dest)
}
