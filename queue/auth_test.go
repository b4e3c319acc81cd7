package queue

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, yaml string) (Config, error) {
	t.Helper()
	spec := service.NewConfigSpec().Fields(StreamFields()...).Fields(ConsumerFields()...).Fields(ConnectionFields()...)
	conf, err := spec.ParseYAML(yaml, service.NewEmptyEnvironment())
	require.NoError(t, err)
	return ConfigFromParsed(conf, service.MockResources())
}

func newUser(t *testing.T) (seed, public string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	s, err := pair.Seed()
	require.NoError(t, err)
	public, err = pair.PublicKey()
	require.NoError(t, err)
	return string(s), public
}

func TestAuthentication(t *testing.T) {
	seed, public := newUser(t)
	wrongSeed, _ := newUser(t)
	seedFile := filepath.Join(t.TempDir(), "seed")
	require.NoError(t, os.WriteFile(seedFile, []byte(seed+"\n"), 0o600))
	for name, tc := range map[string]struct {
		server       func(*server.Options)
		right, wrong string
	}{
		"user": {
			func(o *server.Options) { o.Username, o.Password = "u", "p" },
			"user: u\n  password: p", "user: u\n  password: q",
		},
		"token": {
			func(o *server.Options) { o.Authorization = "t" },
			"token: t", "token: u",
		},
		"nkey": {
			func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} },
			"nkey: " + seed, "nkey: " + wrongSeed,
		},
		"nkey file": {
			func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} },
			"nkey_file: " + seedFile, "nkey: " + wrongSeed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := runServer(t, tc.server)
			for auth, works := range map[string]bool{tc.right: true, tc.wrong: false, "user: \"\"": false} {
				cfg, err := parse(t, fmt.Sprintf("urls: [ %s ]\nsubject: ingest.wf\nauth:\n  %s\n", srv.ClientURL(), auth))
				require.NoError(t, err)
				q, err := Open(testContext(t), cfg, nil)
				if !works {
					require.ErrorContains(t, err, "Authorization Violation", auth)
					continue
				}
				require.NoError(t, err)
				publish(t, q, "a")
				require.NoError(t, q.Close())
			}
		})
	}
}

func TestAuthenticationThatIsMisconfigured(t *testing.T) {
	seed, _ := newUser(t)
	account, err := nkeys.CreateAccount()
	require.NoError(t, err)
	accountSeed, err := account.Seed()
	require.NoError(t, err)
	for name, tc := range map[string]struct{ auth, says string }{
		"two ways":          {"token: t\n  user: u", "at most one way"},
		"no seed":           {"nkey: SUxxx", "field auth.nkey: no NKey seed"},
		"seed of no user":   {"nkey: " + string(accountSeed), "no NKey seed of a user"},
		"no file":           {"nkey_file: /does/not/exist", "field auth.nkey_file"},
		"JWT without seed":  {"user_jwt: x", "user_jwt and user_nkey_seed"},
		"seed without JWT":  {"user_nkey_seed: " + seed, "user_jwt and user_nkey_seed"},
		"three ways at all": {"token: t\n  user: u\n  nkey: " + seed, "at most one way"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, "subject: ingest.wf\nauth:\n  "+tc.auth+"\n")
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), seed, "an error shows no secret")
		})
	}
}

func TestServerWithoutJetStreamIsNamed(t *testing.T) {
	srv := runServer(t, func(o *server.Options) { o.JetStream = false })
	cfg := testConfig(t)
	cfg.Server.URLs = []string{"nats://user:secret@" + srv.Addr().String()}
	_, err := Open(testContext(t), cfg, nil)
	require.ErrorContains(t, err, "has no JetStream")
	require.NotContains(t, err.Error(), "secret")
}

func TestConfigFromParsed(t *testing.T) {
	cfg, err := parse(t, "subject: ingest.wf\nstorage: memory\nsync: always\nmax_msgs: 5\nmax_attempts: 0\nbackoff: { min: 2s, max: 3s }\n")
	require.NoError(t, err)
	require.True(t, cfg.Server.SyncAlways)
	require.Equal(t, jetstream.MemoryStorage, cfg.Storage)
	require.EqualValues(t, 5, cfg.MaxMsgs)
	require.Zero(t, cfg.MaxAttempts, "0 means never, not the default")
	require.Equal(t, "2s 3s", fmt.Sprint(cfg.BackoffMin, " ", cfg.BackoffMax))
	_, err = parse(t, "subject: ingest.*\n")
	require.ErrorContains(t, err, "field subject")
}
