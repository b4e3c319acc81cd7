package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStamp(t *testing.T) {
	before := []string{Version, Commit, DateBuilt}
	t.Cleanup(func() { Version, Commit, DateBuilt = before[0], before[1], before[2] })

	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{
			{Key: "vcs.revision", Value: "5e9141d"},
			{Key: "vcs.time", Value: "2026-11-20T10:00:00Z"},
			{Key: "vcs.modified", Value: modified},
		}
	}
	linked := []string{"1.2.3", "abc", "today"}
	for name, tc := range map[string]struct {
		linked     []string
		info       debug.BuildInfo
		line, date string
	}{
		"linked":                 {linked, debug.BuildInfo{Main: debug.Module{Version: "v9.9.9"}, Settings: vcs("true")}, "1.2.3 (commit abc)", "today"},
		"go install of a module": {nil, debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3", "unknown"},
		"go build in a clone":    {nil, debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: vcs("false")}, "0.1.0-dev (commit 5e9141d)", "2026-11-20T10:00:00Z"},
		"with changes":           {nil, debug.BuildInfo{Settings: vcs("true")}, "0.1.0-dev (commit 5e9141d, modified)", "2026-11-20T10:00:00Z"},
		"nothing is known":       {nil, debug.BuildInfo{}, "0.1.0-dev", "unknown"},
		"only the version":       {[]string{"1.2.3", "", ""}, debug.BuildInfo{Settings: vcs("false")}, "1.2.3 (commit 5e9141d)", "2026-11-20T10:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			Version, Commit, DateBuilt = "", "", ""
			if tc.linked != nil {
				Version, Commit, DateBuilt = tc.linked[0], tc.linked[1], tc.linked[2]
			}
			stamp(&tc.info)
			assert.Equal(t, tc.line, versionAndCommit())
			assert.Equal(t, tc.date, DateBuilt)
		})
	}
}
