package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHintForWorkflowsWithoutAMode(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(hints{out: &out})
	log.With("lint", "w.yaml(1,1) field sources not recognised").Error("Config lint error")
	assert.Empty(t, out.String())
	log.With("lint", "w.yaml(2,1) field workflows not recognised").Error("Config lint error")
	assert.Equal(t, "ingest: a file of workflows is run with a mode: ingest --mode=all --config w.yaml (or enqueue, or dequeue)\n", out.String())
}
