// Package plugin provides ingest_plugin: sources and destinations that are
// executables, which are found when ingest starts.
package plugin

import (
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/plugin/host"
	"github.com/ingest-bundle/ingest/systems"
)

const (
	fieldName   = "name"
	fieldPath   = "path"
	fieldConfig = "config"

	// fieldInterval is one that only the input has.
	fieldInterval = "interval"
)

const description = `
A plugin is an executable that ingest runs, with the permissions and the environment that it has itself. ` + "`name`" + ` is looked for in the plugin folders, which the environment variable ` + "`INGEST_PLUGIN_PATH`" + ` lists; the first folder that has a file of this name wins. Files and folders that everybody may write to are refused, also above, and so are links that lead out of the folder.

All components that use one executable share one process. If it ends, what is in flight fails and is tried again, and the process is started anew, after a pause that grows with each failure; until then the system counts as down.

What the plugin logs is in this log, with the field ` + "`plugin`" + `.

What the plugin registers with Prometheus is among the metrics of this process, with the label ` + "`plugin_name`" + ` and the labels of the first component that uses the plugin, a few seconds late. The parts of histograms and summaries (` + "`_bucket`, `_sum`, `_count`" + `) are metrics of their own, as in Prometheus's text format. Native histograms have no buckets. Names that begin as those of this process do (` + "`ingest_`, `go_`, `process_`, `input_`" + ` and so on) get the prefix ` + "`plugin_`" + `, and labels that it gives itself the prefix ` + "`exported_`" + `. Besides, ` + "`ingest_plugin_starts_total`" + ` counts how often a plugin was started, and ` + "`ingest_plugin_up`" + ` says whether it runs, both by ` + "`plugin_name`" + `.
`

// plugins runs the plugins of the process.
var plugins = host.New()

// SetFolders sets the folders that names of plugins are looked for in, in place of
// those that INGEST_PLUGIN_PATH lists.
func SetFolders(folders ...string) { plugins.SetFolders(folders...) }

// Close ends all plugins, when nothing uses them any more. Plugins end by
// themselves when the process does; this gives them the time to do so in order.
func Close() { plugins.Close() }

func fields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldName).
			Description("The name of the plugin: that of its file, on Windows without `.exe`.").
			Default("").
			Example("noop"),
		service.NewStringField(fieldPath).
			Description("The path of the plugin's file, in place of a name.").
			Default("").Advanced().
			Example("/opt/ingest/plugins/noop"),
		service.NewAnyMapField(fieldConfig).
			Description("The configuration of the plugin, whose documentation says what there is. Secrets belong into variables of the environment, as `${MY_SECRET}`: what is within this field is not known to be one, and is shown by whatever shows configurations.").
			Default(map[string]any{}),
	}
}

func init() {
	err := errors.Join(
		systems.RegisterSource(systems.Source{
			Name:        "plugin",
			Title:       "a plugin",
			Description: description,
			Fields:      fields(),
			InputExamples: []systems.Example{{
				Title:   "Scan what a plugin lists",
				Summary: "The executable `folder` is in one of the plugin folders.",
				Config: `
input:
  ingest_plugin:
    name: folder
    config:
      folder: /var/spool/outgoing
    interval: 60s
output:
  ingest_queue:
    urls: [ nats://localhost:4222 ]
    subject: ingest.outgoing
`,
			}},
			ProcessorExamples: []systems.Example{{
				Title:   "From a plugin to a bucket",
				Summary: "The configuration of the plugin is that of the input.",
				Config: `
input:
  ingest_queue:
    urls: [ nats://localhost:4222 ]
    subject: ingest.outgoing
pipeline:
  processors:
    - ingest_plugin:
        name: folder
        config:
          folder: /var/spool/outgoing
output:
  ingest_s3:
    endpoint: destination.example.com
    bucket: copy
`,
			}},
			New: func(conf *service.ParsedConfig, res *service.Resources) (ingest.Source, error) {
				p, err := fromParsed(conf, res)
				if err != nil {
					return nil, err
				}
				if conf.Contains(fieldInterval) {
					return plugins.Lister(p)
				}
				return plugins.Client(p)
			},
		}),
		systems.RegisterDestination(systems.Destination{
			Name:        "plugin",
			Title:       "a plugin",
			Description: description,
			Fields:      fields(),
			Examples: []systems.Example{{
				Title:   "Store with a plugin",
				Summary: "The executable `folder` is in one of the plugin folders.",
				Config: `
output:
  ingest_plugin:
    name: folder
    config:
      folder: /var/spool/incoming
`,
			}},
			New: func(conf *service.ParsedConfig, res *service.Resources) (ingest.Destination, error) {
				p, err := fromParsed(conf, res)
				if err != nil {
					return nil, err
				}
				return plugins.Destination(p)
			},
		}),
	)
	if err != nil {
		panic(err)
	}
}

func fromParsed(conf *service.ParsedConfig, res *service.Resources) (p host.Plugin, err error) {
	p.Resources = res
	if p.Name, err = conf.FieldString(fieldName); err != nil {
		return p, err
	}
	if p.Path, err = conf.FieldString(fieldPath); err != nil {
		return p, err
	}
	p.Config, err = conf.FieldAny(fieldConfig)
	return p, err
}
