package main

import (
	"fmt"
	"runtime/debug"
)

// Version, Commit and DateBuilt are set by the linker. What is not set there comes
// from what the go command has recorded in the binary.
var (
	Version   string
	Commit    string
	DateBuilt string
)

// inDevelopment is the version of a build that knows of none.
const inDevelopment = "0.1.0-dev"

func init() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	stamp(info)
}

// stamp fills in what the linker has not set.
func stamp(info *debug.BuildInfo) {
	recorded := map[string]string{}
	for _, s := range info.Settings {
		recorded[s.Key] = s.Value
	}
	if Version == "" {
		Version = info.Main.Version
	}
	if Version == "" || Version == "(devel)" {
		Version = inDevelopment
	}
	if Commit == "" {
		Commit = recorded["vcs.revision"]
		if Commit != "" && recorded["vcs.modified"] == "true" {
			Commit += ", modified"
		}
	}
	if DateBuilt == "" {
		DateBuilt = recorded["vcs.time"]
	}
	if DateBuilt == "" {
		DateBuilt = "unknown"
	}
}

// versionAndCommit is what --version shows beside the date.
func versionAndCommit() string {
	if Commit == "" {
		return Version
	}
	return fmt.Sprintf("%s (commit %s)", Version, Commit)
}
