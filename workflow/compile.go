package workflow

import (
	"bytes"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/plugin/host"
	"github.com/ingest-bundle/ingest/queue"
)

// Mode says which halves of the workflows are wanted.
type Mode string

// The modes: the half that scans, the half that moves, both.
const (
	Enqueue Mode = "enqueue"
	Dequeue Mode = "dequeue"
	All     Mode = "all"
)

// Queue says where the work queue is, and what things are called there.
type Queue struct {
	// Endpoint is the URL of the NATS server, or several with commas
	// between; if it is empty the queue lives in the process, in StoreDir.
	Endpoint, StoreDir string
	Stream             string
	// Replicas and MaxMsgs are left to the queue where they are 0.
	Replicas, MaxMsgs int64
	// A workflow has the subject <Subject>.<workflow> and the consumer
	// <Consumer>__<workflow>.
	Subject, Consumer string
}

// Pipeline is a half of a workflow, as Benthos runs it.
type Pipeline struct {
	// Name is that of the workflow and of the half. A file NAME.yaml is a
	// stream of that name.
	Name string
	// Workflow stands in line Line of the file.
	Workflow string
	Line     int
	Text     []byte
}

// Compile returns the pipelines of the workflows, in the order of the file, and
// with Hidden the variables that they need.
func (f *File) Compile(mode Mode, q Queue, secrets Secrets) (pipelines []Pipeline, env map[string]string) {
	v := &values{secrets: secrets, opts: &f.opts, env: map[string]string{}}
	for _, w := range f.workflows {
		pipelines = append(pipelines, f.compile(w, mode, q, v)...)
	}
	return pipelines, v.env
}

func (f *File) compile(w *workflow, mode Mode, q Queue, v *values) (pipelines []Pipeline) {
	c := compiler{w, q, v}
	if mode != Dequeue {
		pipelines = append(pipelines, c.print("enqueue", fmt.Sprintf("Scans source %s, and queues what it finds.", w.source.name), c.enqueue()))
	}
	if mode != Enqueue {
		var names []string
		for _, d := range w.destinations {
			names = append(names, d.name)
		}
		pipelines = append(pipelines, c.print("dequeue", fmt.Sprintf("Moves what is queued from source %s to %s.", w.source.name, strings.Join(names, ", ")), c.dequeue()))
	}
	return pipelines
}

// lint returns what Benthos finds wrong with the pipelines of a workflow.
func (f *File) lint(w *workflow) (problems Problems) {
	v := &values{secrets: Hidden, opts: &f.opts, env: map[string]string{}}
	pipelines := f.compile(w, All, Queue{Stream: queue.DefaultStream, Subject: "ingest", Consumer: "ingest"}, v)
	for _, p := range pipelines {
		for _, l := range lintText(p.Text, v.env) {
			problems = append(problems, Problem{w.line, "workflow " + w.name, l.What})
		}
	}
	return problems
}

type compiler struct {
	*workflow
	queue  Queue
	values *values
}

// defaultInterval is that of the original.
const defaultInterval = "5m"

func (c *compiler) enqueue() *mapping {
	input := c.fields(c.source, "input")
	switch {
	case c.interval == nil:
		input.set("interval", plain(defaultInterval))
	case !isZero(c.interval):
		input.set("interval", c.values.of(c.name, "interval", false, c.interval))
	}
	return newMapping().
		set("input", wrapped(c.source.componentOf("input").name, input)).
		set("output", wrapped("ingest_queue", c.queueFields()))
}

// isZero reports whether an interval is known to be none.
func isZero(interval *yaml.Node) bool { return interval.Value == "0s" || interval.Value == "0" }

func (c *compiler) dequeue() *mapping {
	input := c.queueFields()
	if consumer := c.queue.Consumer + "__" + c.name; consumer != queue.DefaultConsumer(c.subject()) {
		input.set("consumer", text(consumer))
	}
	batchSize, concurrency := c.batchSize, c.concurrency
	if batchSize == nil {
		batchSize = literal(ingest.DefaultBatchSize)
	}
	if concurrency == nil {
		concurrency = batchSize
	}
	batchSize = c.values.of(c.name, "batch_size", false, batchSize)
	input.set("prefetch", batchSize)

	fetch := c.fields(c.source, "processor")
	if c.processors != nil {
		fetch.set("operation", text("read"))
	}
	processors := list(wrapped(c.source.componentOf("processor").name, fetch))
	if c.processors != nil {
		processors.Content = append(processors.Content, c.processors.Content...)
	}

	outputs := list()
	for _, d := range c.destinations {
		fields := c.fields(d, "output")
		if c.overwrite != nil && !d.has("overwrite") {
			fields.set("overwrite", c.values.of(c.name, "overwrite", false, c.overwrite))
		}
		outputs.Content = append(outputs.Content, wrapped(d.componentOf("output").name, fields))
	}
	fanOut := newMapping().set("outputs", outputs)
	if c.cleanUp != nil && c.cleanUp.Value != "false" {
		fanOut.set("clean_up", c.values.of(c.name, "clean_up", false, c.cleanUp))
	}
	if c.webhook != nil {
		fanOut.set("webhook", &newMapping().
			set("url", c.values.of(c.name, "webhook", saysMoreThanHost(c.webhook.Value), c.webhook)).
			set("count", batchSize).Node)
	}
	fanOut.set("max_in_flight", c.values.of(c.name, "concurrency", false, concurrency))

	return newMapping().
		set("input", wrapped("ingest_queue", input)).
		set("pipeline", &newMapping().set("processors", processors).Node).
		set("output", wrapped("ingest_fan_out", fanOut))
}

// saysMoreThanHost reports whether something in a URL may be a secret: with many chat
// services its path or query is one.
func saysMoreThanHost(raw string) bool {
	u, err := url.Parse(raw)
	return err != nil || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != ""
}

func wrapped(component string, fields *mapping) *yaml.Node {
	return &newMapping().set(component, &fields.Node).Node
}

func (e *endpoint) componentOf(kind string) component {
	for _, c := range e.components {
		if c.kind == kind {
			return c
		}
	}
	return component{}
}

func (c *compiler) subject() string { return c.queue.Subject + "." + c.name }

func (c *compiler) queueFields() *mapping {
	m := newMapping()
	switch {
	case c.queue.Endpoint == "" && c.queue.StoreDir != "" && c.queue.StoreDir != queue.DefaultStoreDir:
		m.set("store_dir", text(c.queue.StoreDir))
	case c.queue.Endpoint != "":
		m.set("urls", c.urls())
	}
	if c.queue.Stream != queue.DefaultStream {
		m.set("stream", text(c.queue.Stream))
	}
	m.set("subject", text(c.subject()))
	if c.queue.Replicas > 0 {
		m.set("replicas", literal(c.queue.Replicas))
	}
	if c.queue.MaxMsgs > 0 {
		m.set("max_msgs", literal(c.queue.MaxMsgs))
	}
	return m
}

// urls returns the NATS servers, whose URLs may hold a password.
func (c *compiler) urls() *yaml.Node {
	urls := list()
	urls.Style = yaml.FlowStyle
	for _, u := range strings.Split(c.queue.Endpoint, ",") {
		n := text(strings.TrimSpace(u))
		if strings.Contains(u, "@") {
			n = c.values.of("queue", "endpoint", true, n)
		}
		urls.Content = append(urls.Content, n)
	}
	return urls
}

// fields returns what a component of an endpoint is configured with. What is the
// default anyway is left out.
func (c *compiler) fields(e *endpoint, kind string) *mapping {
	m := newMapping()
	if !e.builtIn {
		config := newMapping()
		for _, p := range e.config {
			secret := c.values.secrets == Hidden || secretName.MatchString(p.key)
			config.set(p.key, c.values.of(e.name, p.key, secret, p.value))
		}
		m.set("name", text(e.typ))
		if len(config.Content) > 0 {
			m.set("config", &config.Node)
		}
		return m
	}
	for _, f := range e.componentOf(kind).fields {
		for _, given := range e.fields {
			if given.name == f.Name && !f.isDefault(given.value) {
				m.set(f.Name, c.values.of(e.name, f.Name, f.Secret, given.value))
			}
		}
	}
	return m
}

func (c *compiler) hasPlugins() bool {
	return !c.source.builtIn || slices.ContainsFunc(c.destinations, func(d *endpoint) bool { return !d.builtIn })
}

func (c *compiler) print(half, comment string, m *mapping) Pipeline {
	name := c.name + "_" + half
	var body bytes.Buffer
	fmt.Fprintf(&body, "# %s: the half of workflow %s that %ss.\n# %s\n", name, c.name, half, comment)
	for _, variable := range c.values.masked {
		fmt.Fprintf(&body, "# %s stands for a secret in the workflow file.\n", variable)
	}
	c.values.masked = nil
	if c.hasPlugins() {
		fmt.Fprintf(&body, "# Plugins are looked for in the folders that %s lists. For those of now, set it to\n# %s\n",
			host.FoldersEnv, strings.Join(c.values.opts.Plugins, string(filepath.ListSeparator)))
	}
	body.WriteString("\n")
	enc := yaml.NewEncoder(&body)
	enc.SetIndent(2)
	// Nodes and strings can always be encoded.
	_ = enc.Encode(&m.Node)
	return Pipeline{name, c.name, c.line, body.Bytes()}
}
