package component

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"

	"github.com/ingest-bundle/ingest"
)

func TestDeliveredBefore(t *testing.T) {
	for name, tc := range map[string]struct {
		key, value string
		want       bool
	}{
		"first":              {ingest.MetaDeliveries, "1", false},
		"second":             {ingest.MetaDeliveries, "2", true},
		"first, stock input": {"nats_num_delivered", "1", false},
		"again, stock input": {"nats_num_delivered", "3", true},
		"no number":          {ingest.MetaDeliveries, "x", false},
		"no queue":           {"other", "2", false},
	} {
		t.Run(name, func(t *testing.T) {
			msg := service.NewMessage(nil)
			msg.MetaSetMut(tc.key, tc.value)
			assert.Equal(t, tc.want, DeliveredBefore(msg))
		})
	}
}
