// Package templates holds the Benthos templates of the bundle: the ends of the
// work queue made of stock components. Importing the package registers them.
package templates

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/redpanda-data/benthos/v4/public/service"
)

//go:embed *.yaml
var files embed.FS

func init() {
	if err := register(service.GlobalEnvironment()); err != nil {
		panic(err)
	}
}

func register(env *service.Environment) error {
	return fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		if err := env.RegisterTemplateYAML(string(text)); err != nil {
			return fmt.Errorf("template %s: %w", path, err)
		}
		return nil
	})
}
