package component

import (
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
)

// NameOf is how people are told which system a component works with: by the label
// of the component, and where the system is. Where neither is known it is the path
// of the component.
func NameOf(res *service.Resources, system any) string {
	var parts []string
	if label := res.Label(); label != "" {
		parts = append(parts, label)
	}
	switch s := system.(type) {
	case ingest.Locator:
		if where := s.Location(ingest.Codec{}); where != "" {
			parts = append(parts, where)
		}
	case interface{ Where() string }:
		parts = append(parts, s.Where())
	}
	if len(parts) == 0 {
		return strings.Join(res.Path(), ".")
	}
	return strings.Join(parts, " ")
}
