package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

	"github.com/ingest-bundle/ingest/queue"
)

// pipelineQueue is the queue of an ingest_queue component.
type pipelineQueue struct {
	queue.Config
	// consumes says that the component takes from it.
	consumes bool
	line     int
}

// same reports whether two components have one queue.
func (p pipelineQueue) same(other pipelineQueue) bool {
	return p.Server.String() == other.Server.String() && p.Stream == other.Stream && p.Subject == other.Subject
}

// queuesOfPipeline returns the queues of all ingest_queue inputs and outputs in a
// configuration, each once. Inputs say more than outputs, so they go first.
func queuesOfPipeline(path string) (all []pipelineQueue, err error) {
	text, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	text = expandEnv(text)
	for _, kind := range []string{"input", "output"} {
		err = schema().NewStreamConfigWalker().WalkComponentsYAML(text, func(w *service.WalkedComponent) error {
			if w.ComponentType != kind || w.Name != "ingest_queue" {
				return nil
			}
			q := pipelineQueue{consumes: kind == "input", line: w.LineStart}
			if q.Config, err = parseQueue(w.ConfigYAML(), q.consumes); err != nil {
				return fmt.Errorf("line %d: %w", w.LineStart, err)
			}
			if !slices.ContainsFunc(all, q.same) {
				all = append(all, q)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no ingest_queue input or output: give --url and --subject instead", path)
	}
	return all, nil
}

// queueOfPipeline returns the one queue of a configuration that has the stream and
// the subject; an empty one is any.
func queueOfPipeline(path, stream, subject string) (q pipelineQueue, err error) {
	all, err := queuesOfPipeline(path)
	if err != nil {
		return q, err
	}
	fitting := slices.DeleteFunc(slices.Clone(all), func(q pipelineQueue) bool {
		return (stream != "" && q.Stream != stream) || (subject != "" && q.Subject != subject)
	})
	if len(fitting) == 1 {
		return fitting[0], nil
	}
	var names []string
	for _, q := range all {
		names = append(names, fmt.Sprintf("line %d: --stream %s --subject %s (%s)", q.line, q.Stream, q.Subject, q.Server))
	}
	if len(fitting) == 0 {
		return q, fmt.Errorf("%s has no such queue, but:\n  %s", path, strings.Join(names, "\n  "))
	}
	return q, fmt.Errorf("%s has several queues, choose one with --subject or --stream:\n  %s", path, strings.Join(names, "\n  "))
}

// parseQueue reads the configuration of an ingest_queue component.
func parseQueue(text string, isInput bool) (cfg queue.Config, err error) {
	var component struct {
		Queue yaml.Node `yaml:"ingest_queue"`
	}
	if err := yaml.Unmarshal([]byte(text), &component); err != nil {
		return cfg, err
	}
	return parseQueueFields(&component.Queue, isInput)
}

// parseQueueFields reads the fields of an ingest_queue component.
func parseQueueFields(fields any, isInput bool) (cfg queue.Config, err error) {
	body, err := yaml.Marshal(fields)
	if err != nil {
		return cfg, err
	}
	spec := service.NewConfigSpec().Fields(queue.StreamFields()...).Fields(queue.ConnectionFields()...)
	if isInput {
		spec = spec.Fields(queue.ConsumerFields()...)
	} else {
		spec = spec.Field(service.NewOutputMaxInFlightField())
	}
	conf, err := spec.ParseYAML(string(body), service.GlobalEnvironment())
	if err != nil {
		return cfg, err
	}
	return queue.ConfigFromParsed(conf, service.MockResources())
}
