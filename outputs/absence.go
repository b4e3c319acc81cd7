package outputs

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

// knownAbsent reports whether the scan saw that the destination holds nothing under
// the name, so that it need not be asked. Whatever came there since would be
// replaced anyway, except where overwrite says not to. What an earlier delivery may
// have stored is looked for.
func (s *Store) knownAbsent(codec ingest.Codec, msg *service.Message) bool {
	absent, ok := msg.MetaGet(ingest.MetaAbsent)
	if !ok || s.overwrite != overwriteChanged || component.DeliveredBefore(msg) {
		return false
	}
	return s.hasToken(codec, absent)
}
