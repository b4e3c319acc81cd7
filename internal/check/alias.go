package check

import (
	"context"
	"net"
	"slices"
	"strings"

	"github.com/ingest-bundle/ingest"
	locate "github.com/ingest-bundle/ingest/internal/component"
	"github.com/ingest-bundle/ingest/internal/finding"
)

// noteAliases notes outputs that may be in the bucket of a source, under another name
// of its server: the bucket has the same name, and the servers have one address.
func (c *Checker) noteAliases(ctx context.Context, all []*component) {
	for _, output := range all {
		to, ok := output.system.(ingest.Locator)
		if !ok || output.report.Kind != "output" {
			continue
		}
		i := slices.IndexFunc(all, func(source *component) bool {
			from, ok := source.system.(ingest.Locator)
			return ok && source.report.Kind != "output" && c.maybeOne(ctx, from.Location(ingest.Codec{}), to.Location(ingest.Codec{}))
		})
		if i >= 0 {
			output.report.Findings = append(output.report.Findings, finding.Finding{
				Test: "endpoint", Status: finding.Note,
				Text: "may be in the bucket of its own source, " + all[i].report.Where + ": the two servers have one address. If so, a run copies nothing",
				Mend: "write the same endpoint in both, and another bucket or prefix",
			})
		}
	}
}

// maybeOne reports whether the URIs are of one bucket, on hosts of different names and
// one address.
func (c *Checker) maybeOne(ctx context.Context, source, destination string) bool {
	from, a := locate.WithoutHost(source)
	to, b := locate.WithoutHost(destination)
	if a == "" || b == "" || a == b || !strings.HasPrefix(to, from) {
		return false
	}
	return slices.ContainsFunc(c.addresses(ctx, a), func(address string) bool { return slices.Contains(c.addresses(ctx, b), address) })
}

// addresses resolves a host, with its port if it has one.
func (c *Checker) addresses(ctx context.Context, host string) (all []string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	// What cannot be resolved cannot be connected to, and that was told.
	_ = c.within(ctx, func(ctx context.Context) error {
		found, err := net.DefaultResolver.LookupHost(ctx, name)
		for _, address := range found {
			all = append(all, net.JoinHostPort(address, port))
		}
		return err
	})
	return all
}
