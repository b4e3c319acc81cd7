package main

import (
	"bytes"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

const (
	about = "Moves objects into object storage through a durable queue, and never loses one"

	aboutCommands = `
ingest is a Benthos distro: it runs pipelines, which are YAML files.

  ingest demo                                        # see it work, nothing else is needed
  ingest create ingest_s3//ingest_queue              # the fields of an enqueue pipeline
  ingest create ingest_queue/ingest_s3/ingest_fan_out > dequeue.yaml
  ingest lint ./enqueue.yaml ./dequeue.yaml
  ingest check ./enqueue.yaml ./dequeue.yaml         # are the servers there, is all permitted?
  ingest run ./dequeue.yaml
  ingest streams --progress --until-done ./*.yaml    # all pipelines in one process, until all is done
  ingest queue info ./dequeue.yaml

It also runs files of sources, destinations and workflows, which it compiles to
pipelines:

  ingest --mode=enqueue|dequeue --config ./workflows.yaml   # two processes, a NATS server between them
  ingest --mode=all --config ./workflows.yaml               # one process, nothing else
  ingest --mode=all --help                                  # the flags
  ingest workflow render ./workflows.yaml                   # the pipelines

Documentation: https://github.com/ingest-bundle/ingest/tree/main/docs`
)

// moreExamples are of our components, beside the engine's own, by command.
var moreExamples = map[string]string{
	"ingest run": `

  ingest run --progress ./dequeue.yaml
  ingest run --progress=json --until-done -e ./secrets.env ./dequeue.yaml 2>progress.jsonl`,
	"ingest streams": `

  ingest streams --progress --until-done ./enqueue.yaml ./dequeue.yaml`,
	"ingest create": `

  ingest create --small ingest_s3//ingest_queue > ./enqueue.yaml
  ingest create --small ingest_queue/ingest_s3/ingest_fan_out > ./dequeue.yaml`,
	"ingest list": `

  ingest list inputs | grep ingest
  ingest list --format jsonschema > ingest.schema.json`,
}

// setHelp gives the help texts of the engine our words. The engine makes its
// commands itself, and leaves only the printing of the help to us.
func setHelp() {
	printHelp := cli.HelpPrinter
	cli.HelpPrinter = func(out io.Writer, template string, data any) {
		switch d := data.(type) {
		case *cli.App:
			d.Usage, d.Description = about, aboutCommands[1:]
		case *cli.Command:
			d.Description += moreExamples[d.HelpName]
		}
		var text bytes.Buffer
		printHelp(&text, template, data)
		_, _ = io.WriteString(out, grammar.Replace(text.String()))
	}
}

// grammar mends texts that were written for another product's name.
var grammar = strings.NewReplacer(" a ingest ", " an ingest ")
