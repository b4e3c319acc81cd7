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
	often := "once"
	if interval := c.text("interval"); interval != "" {
		often = "every " + interval
	}
	return fmt.Sprintf("scan %s %s", where(c), often) + comparison(c)
}

// comparison says what a scan leaves out, and what it deletes.
func comparison(c *component) string {
	with := strings.Join(comparedWith(c.system), ", ")
	if with == "" {
		return ""
	}
	text := ", leave out what is held by all of (" + with + ")"
	if c.fields["delete"] == true {
		text += ", have deleted there what the source has not"
	}
	return text
}

// comparedWith returns the destinations that a scan is compared with.
func comparedWith(system any) []string {
	c, ok := system.(interface{ ComparedWith() []string })
	if !ok {
		return nil
	}
	return c.ComparedWith()
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
