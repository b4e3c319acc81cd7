package systems_test

import (
	"testing"

	"github.com/stretchr/testify/require"

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
