package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/ingest-bundle/ingest/queue"
)

const (
	flagURL      = "url"
	flagStoreDir = "store-dir"
	flagStream   = "stream"
	flagSubject  = "subject"
	flagConsumer = "consumer"
	flagJSON     = "json"
	flagEnvFile  = "env-file"
	envURL       = "NATS_URL"
)

// connectionFlags go with --url.
var connectionFlags = []struct{ name, usage string }{
	{"creds", "`FILE` with a user JWT and its NKey seed, for --url"},
	{"nkey", "`FILE` with an NKey seed, for --url"},
	{"tls-ca", "`FILE` with the certificates of the authorities to trust, for --url"},
	{"tls-cert", "`FILE` with the client's certificate, for --url"},
	{"tls-key", "`FILE` with the key of the client's certificate, for --url"},
}

// serverFlags say where a server is, without the configuration of a pipeline.
func serverFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringSliceFlag{Name: flagEnvFile, Aliases: []string{"e"}, Usage: "import environment variables for CONFIG from a dotenv `FILE`"},
		&cli.StringSliceFlag{Name: flagURL, Usage: "`URL` of a NATS server, instead of CONFIG; may be repeated. Without CONFIG, " + envURL + " is its default"},
		&cli.StringFlag{Name: flagStoreDir, Usage: "`FOLDER` of an embedded queue, instead of CONFIG; no other process may have it open"},
	}
	for _, f := range connectionFlags {
		flags = append(flags, &cli.StringFlag{Name: f.name, Usage: f.usage})
	}
	return flags
}

// queueFlags say where a queue is.
func queueFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: flagSubject, Usage: "`SUBJECT` of the workflow; chooses one of several queues in CONFIG"},
		&cli.StringFlag{Name: flagStream, Usage: "`NAME` of the stream (default: " + queue.DefaultStream + "); chooses one of several queues in CONFIG"},
		&cli.StringFlag{Name: flagConsumer, Usage: "`NAME` of the consumer, for --url (default: made of the subject)"},
	}, serverFlags()...)
}

func jsonFlag(usage string) cli.Flag { return &cli.BoolFlag{Name: flagJSON, Usage: usage} }

// isDirect reports whether flags name the server, so that there is no CONFIG.
func isDirect(c *cli.Context, args []string) bool {
	return c.IsSet(flagURL) || c.IsSet(flagStoreDir) || (len(args) == 0 && os.Getenv(envURL) != "")
}

// chosenQueue returns the queue that the flags or the first argument name, and the
// other arguments.
func chosenQueue(c *cli.Context, args []string) (q pipelineQueue, rest []string, err error) {
	if isDirect(c, args) {
		if c.String(flagSubject) == "" {
			return q, nil, errors.New("--subject is missing: that of the workflow, such as ingest.foo_1-bar_1; `ingest queue ls` lists what there is")
		}
		q.consumes = true
		q.Config, err = queueOfFlags(c)
		return q, args, err
	}
	if err := configAlone(c, args); err != nil {
		return q, nil, err
	}
	q, err = queueOfPipeline(args[0], c.String(flagStream), c.String(flagSubject))
	return q, args[1:], err
}

// chosenServer returns the server that the flags or the first argument name.
func chosenServer(c *cli.Context, args []string) (s queue.Server, rest []string, err error) {
	if isDirect(c, args) {
		cfg, err := queueOfFlags(c)
		return cfg.Server, args, err
	}
	if err := configAlone(c, args); err != nil {
		return s, nil, err
	}
	all, err := queuesOfPipeline(args[0])
	if err != nil {
		return s, nil, err
	}
	for _, q := range all {
		if q.Server.String() != all[0].Server.String() {
			return s, nil, fmt.Errorf("%s has queues on several servers, %s and %s: give --url instead", args[0], all[0].Server, q.Server)
		}
	}
	return all[0].Server, args[1:], nil
}

// configAlone fails without a CONFIG, or with flags that go with a URL only.
func configAlone(c *cli.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("which queue? Give the CONFIG of a pipeline, or --url, or --store-dir for an embedded queue")
	}
	names := []string{flagConsumer}
	for _, f := range connectionFlags {
		names = append(names, f.name)
	}
	for _, name := range names {
		if c.IsSet(name) {
			return fmt.Errorf("--%s goes with --url or --store-dir: %s says how to connect", name, args[0])
		}
	}
	return nil
}

// queueOfFlags makes the configuration of a component of the flags, and reads that.
func queueOfFlags(c *cli.Context) (queue.Config, error) {
	urls := c.StringSlice(flagURL)
	if len(urls) > 0 && c.IsSet(flagStoreDir) {
		return queue.Config{}, errors.New("--url and --store-dir exclude each other")
	}
	if !c.IsSet(flagURL) && !c.IsSet(flagStoreDir) {
		urls = []string{os.Getenv(envURL)}
	}
	subject := c.String(flagSubject)
	if subject == "" {
		// Only the server is asked for, but a component has a subject.
		subject = queue.DefaultStream
	}
	tls := map[string]any{
		"enabled":       c.IsSet("tls-ca") || c.IsSet("tls-cert") || c.IsSet("tls-key"),
		"root_cas_file": c.String("tls-ca"),
	}
	if c.IsSet("tls-cert") || c.IsSet("tls-key") {
		tls["client_certs"] = []any{map[string]any{"cert_file": c.String("tls-cert"), "key_file": c.String("tls-key")}}
	}
	fields := map[string]any{
		"urls":    urls,
		"subject": subject,
		"auth":    map[string]any{"user_credentials_file": c.String("creds"), "nkey_file": c.String("nkey")},
		"tls":     tls,
	}
	for field, flag := range map[string]string{"store_dir": flagStoreDir, "stream": flagStream, "consumer": flagConsumer} {
		if v := c.String(flag); v != "" {
			fields[field] = v
		}
	}
	return parseQueueFields(fields, true)
}
