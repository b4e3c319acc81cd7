// Package examples holds the pipelines that the binary carries along.
package examples

import "embed"

// SingleProcess holds the two pipelines of the folder single-process.
//
//go:embed single-process/*.yaml
var SingleProcess embed.FS
