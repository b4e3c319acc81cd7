package component

import (
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
)

// DeliveredBefore reports whether the queue delivered the message before, as its
// input, ours or the stock one, says.
func DeliveredBefore(msg *service.Message) bool {
	for _, key := range []string{ingest.MetaDeliveries, "nats_num_delivered"} {
		if v, ok := msg.MetaGet(key); ok {
			n, err := strconv.Atoi(v)
			return err == nil && n > 1
		}
	}
	return false
}
