package queue

import (
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReopenedStoreKeepsMessages(t *testing.T) {
	for name, syncAlways := range map[string]bool{"interval": false, "always": true} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Server.SyncAlways = syncAlways
			q, err := Open(testContext(t), cfg, nil)
			require.NoError(t, err)
			publish(t, q, "a", "b")
			s := subscribe(t, q)
			held := pop(t, s)
			require.NoError(t, pop(t, s).Ack(testContext(t)))
			require.NoError(t, q.Close(), "one message is still held")

			q = open(t, cfg)
			assert.EqualValues(t, 1, messages(t, q, "ingest"))
			again := pop(t, subscribe(t, q))
			assert.Equal(t, idOf(t, held), idOf(t, again))
		})
	}
}

func TestOneServerForEachFolder(t *testing.T) {
	cfg := testConfig(t)
	first := open(t, cfg)
	// The same folder by another path.
	cfg.Server.StoreDir = filepath.Join(cfg.Server.StoreDir, "x", "..")
	second := open(t, cfg)
	publish(t, first, "a")
	assert.EqualValues(t, 1, messages(t, second, "ingest"))
	require.NoError(t, first.Close())
	assert.EqualValues(t, 1, messages(t, second, "ingest"), "the server stops with its last user")
	require.NoError(t, second.Close())
	lock := flock.New(filepath.Join(filepath.Clean(cfg.Server.StoreDir), "ingest.lock"))
	locked, err := lock.TryLock()
	require.NoError(t, err)
	require.True(t, locked, "the folder is free")
	require.NoError(t, lock.Unlock())
}

// Two servers on one folder destroy it.
func TestFolderOfAnotherProcessIsRefused(t *testing.T) {
	cfg := testConfig(t)
	other := flock.New(filepath.Join(cfg.Server.StoreDir, "ingest.lock"))
	locked, err := other.TryLock()
	require.NoError(t, err)
	require.True(t, locked)
	_, err = Open(testContext(t), cfg, nil)
	require.ErrorContains(t, err, "in use by another process")
	require.ErrorContains(t, err, "field store_dir")
	require.NoError(t, other.Unlock())
	open(t, cfg)
}
