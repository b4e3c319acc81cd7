package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"

	"github.com/ingest-bundle/ingest/queue"
)

var errFound = errors.New("found")

// queueOfPipeline returns the queue of the first ingest_queue input or output in
// a configuration; an input says more, so it goes first.
func queueOfPipeline(path string) (cfg queue.Config, consumes bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return cfg, false, err
	}
	text = expandEnv(text)
	for _, kind := range []string{"input", "output"} {
		err = schema().NewStreamConfigWalker().WalkComponentsYAML(text, func(w *service.WalkedComponent) error {
			if w.ComponentType != kind || w.Name != "ingest_queue" {
				return nil
			}
			if cfg, err = parseQueue(w.ConfigYAML(), kind == "input"); err != nil {
				return fmt.Errorf("%s, line %d: %w", path, w.LineStart, err)
			}
			consumes = kind == "input"
			return errFound
		})
		if err != nil {
			break
		}
	}
	switch {
	case errors.Is(err, errFound):
		return cfg, consumes, nil
	case err != nil:
		return cfg, false, err
	}
	return cfg, false, fmt.Errorf("%s has no ingest_queue input or output", path)
}

// parseQueue reads the configuration of an ingest_queue component.
func parseQueue(text string, isInput bool) (cfg queue.Config, err error) {
	var component struct {
		Queue yaml.Node `yaml:"ingest_queue"`
	}
	if err := yaml.Unmarshal([]byte(text), &component); err != nil {
		return cfg, err
	}
	body, err := yaml.Marshal(&component.Queue)
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
