package check

import (
	"fmt"
	"strings"

	"github.com/ingest-bundle/ingest/queue"
)

// plan says what a run of the components would do.
func plan(components []*component) string {
	var steps, copies []string
	cleansUp, webhook := false, ""
	for _, c := range components {
		cleansUp = cleansUp || c.cleansUp
		switch {
		case c.err != nil:
		case c.webhook != "":
			webhook = c.report.Where
		case c.report.Kind == "output" && c.queue == nil:
			copies = append(copies, where(c))
		default:
			steps = append(steps, step(c))
		}
	}
	switch len(copies) {
	case 0:
	case 1:
		steps = append(steps, "store in "+copies[0])
	default:
		steps = append(steps, fmt.Sprintf("store in %d destinations (%s)", len(copies), strings.Join(copies, ", ")))
	}
	if cleansUp {
		steps = append(steps, "clean up at the source")
	}
	if webhook != "" {
		steps = append(steps, "tell the webhook at "+webhook)
	}
	if len(steps) == 0 {
		return ""
	}
	return "would " + strings.Join(steps, ", then ")
}

func step(c *component) string {
	switch {
	case c.report.Kind == "processor" && c.text("operation") == "clean_up":
		return "remove each from " + where(c)
	case c.report.Kind == "processor":
		return "fetch each from " + where(c)
	case c.report.Kind == "output":
		return "queue what it finds on " + where(c)
	case c.queue != nil:
		return fmt.Sprintf("take from %s as consumer %s", where(c), consumerOf(c.queue))
	case c.system == nil:
		return "read from " + where(c)
	}
	if interval := c.text("interval"); interval != "" {
		return fmt.Sprintf("scan %s every %s", where(c), interval)
	}
	return fmt.Sprintf("scan %s once", where(c))
}

func consumerOf(cfg *queue.Config) string {
	if cfg.Consumer != "" {
		return cfg.Consumer
	}
	return queue.DefaultConsumer(cfg.Subject)
}

func where(c *component) string {
	if c.report.Where != "" {
		return c.report.Where
	}
	return c.report.Name
}
