// Command docsgen writes the reference of the bundle's components, one page of
// Markdown for each and an index, from their specs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/nats"

	_ "github.com/ingest-bundle/ingest/systems/all"
	_ "github.com/ingest-bundle/ingest/templates"
)

func main() {
	dir := flag.String("dir", "docs/components", "the folder to write to; what is there is removed")
	flag.Parse()
	if err := generate(*dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(dir string) error {
	pages, err := render(service.GlobalEnvironment())
	if err != nil {
		return err
	}
	// A page whose component is gone goes too.
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for path, text := range pages {
		path = filepath.Join(dir, path)
		err := errors.Join(
			os.MkdirAll(filepath.Dir(path), 0o755), //nolint:gosec // documents are for everybody
			os.WriteFile(path, text, 0o644),        //nolint:gosec // as above
		)
		if err != nil {
			return err
		}
	}
	return nil
}
