package integration

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pluginFolder builds the example plugin in a folder of its own, outside of this
// tree, and returns the folder that it is dropped in. It goes by two names.
func pluginFolder(t *testing.T) string {
	t.Helper()
	module, plugins := t.TempDir(), t.TempDir()
	require.NoError(t, os.CopyFS(module, os.DirFS("../examples/plugins/folder")))
	bundle, err := filepath.Abs("..")
	require.NoError(t, err)
	for _, args := range [][]string{
		{"mod", "edit", "-replace", "github.com/ingest-bundle/ingest=" + bundle},
		{"build", "-o", filepath.Join(plugins, "from"), "."},
	} {
		cmd := command("go", args...)
		cmd.Dir = module
		require.NoError(t, cmd.Run(), "see CONTRIBUTING.md, Dependencies")
	}
	content, err := os.ReadFile(filepath.Join(plugins, "from"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(plugins, "to"), content, 0o700))
	return plugins
}

// startWithPlugins runs a pipeline that finds plugins in the folder.
func startWithPlugins(t *testing.T, plugins, config string) *process {
	t.Helper()
	address := freeAddress(t)
	cmd := exec.Command(binary, "run", writeConfig(t, fmt.Sprintf("http: { address: %q }\n%s", address, config)))
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "INGEST_PLUGIN_PATH="+filepath.Join(plugins, "missing")+string(filepath.ListSeparator)+plugins)
	return startCommand(t, address, cmd)
}

func scanFolder(t *testing.T, n *natsServer, plugins, folder string) {
	t.Helper()
	p := startWithPlugins(t, plugins, fmt.Sprintf(`
input:
  ingest_plugin: { name: from, config: { folder: %q } }
output:
  ingest_queue: { urls: [ %q ], subject: %s }
`, folder, n.url, subject))
	require.Zero(t, p.wait(time.Minute), "%s", p.logs)
}

func folderToFolder(n *natsServer, from, to string) string {
	return fmt.Sprintf(`
input:
  ingest_queue: { urls: [ %q ], subject: %s, ack_wait: 5s }
pipeline:
  processors:
    - ingest_plugin: { name: from, config: { folder: %q } }
output:
  ingest_fan_out:
    clean_up: true
    outputs:
      - ingest_plugin: { name: to, config: { folder: %q } }
`, n.url, subject, from, to)
}

// children returns the processes that p has started, by the names of their files.
func (p *process) children() map[string]int {
	all := map[string]int{}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(p.t, err)
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if m := regexp.MustCompile(`^(\d+) \((.*)\) \S (\d+) `).FindSubmatch(stat); m != nil && string(m[3]) == strconv.Itoa(p.cmd.Process.Pid) {
			all[string(m[2])], _ = strconv.Atoi(string(m[1]))
		}
	}
	return all
}

func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

// writeFile writes an object to a folder.
func (o object) writeFile(t *testing.T, folder string) {
	t.Helper()
	path := filepath.Join(folder, filepath.FromSlash(o.key))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	file, err := os.Create(path)
	require.NoError(t, err)
	_, err = io.Copy(file, o.reader())
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func (o object) requireFile(t *testing.T, folder string) {
	t.Helper()
	file, err := os.Open(filepath.Join(folder, filepath.FromSlash(o.key)))
	require.NoError(t, err)
	defer file.Close() //nolint:errcheck // nothing is written
	want, got := sha256.New(), sha256.New()
	_, err = io.Copy(want, o.reader())
	require.NoError(t, err)
	_, err = io.Copy(got, file)
	require.NoError(t, err)
	require.Equal(t, want.Sum(nil), got.Sum(nil), "%s differs", o.key)
}

// TestPlugins moves objects with a source and a destination that are executables of
// another module, and 1 GiB through both with little memory.
func TestPlugins(t *testing.T) {
	plugins, n := pluginFolder(t), startNATS(t)
	from, to := t.TempDir(), t.TempDir()
	objects := append(small(50, "small/"), object{key: "large", size: 1 << 30}, object{key: "empty"})
	for _, o := range objects {
		o.writeFile(t, from)
	}
	scanFolder(t, n, plugins, from)
	p := startWithPlugins(t, plugins, folderToFolder(n, from, to))
	drained(t, n, 5*time.Minute)
	for _, o := range objects {
		o.requireFile(t, to)
	}
	p.counts(len(objects), "ingest_storage_objects_total", `result="stored"`)
	assert.Zero(t, n.count(t, "ingest_dead"))
	remaining, err := filepath.Glob(filepath.Join(from, "small", "*"))
	require.NoError(t, err)
	assert.Empty(t, remaining, "what was moved is cleaned up")

	children := p.children()
	require.Len(t, children, 2)
	for name, rss := range map[string]int{
		"the host": p.peakRSS(), "from": peakRSSOf(t, children["from"]), "to": peakRSSOf(t, children["to"]),
	} {
		t.Logf("peak memory of %s: %d MiB", name, rss>>20)
		assert.Less(t, rss, 128<<20, name)
	}
	require.Eventually(t, func() bool {
		return p.metric("folder_opened_total", `plugin_name="from"`) == len(objects)
	}, 15*time.Second, tick, "the metrics of the plugin are among ours")
	p.counts(2, "ingest_plugin_up")
	p.stop()
	assert.Zero(t, p.code)
	for name, pid := range children {
		assert.True(t, gone(pid), "%s is left", name)
	}
}

// TestPluginKilled kills the plugins while an object goes through them, and then
// the host: the object arrives, and no process is left.
func TestPluginKilled(t *testing.T) {
	plugins, n := pluginFolder(t), startNATS(t)
	from, to := t.TempDir(), t.TempDir()
	large := object{key: "large", size: 512 << 20}
	large.writeFile(t, from)
	scanFolder(t, n, plugins, from)
	p := startWithPlugins(t, plugins, folderToFolder(n, from, to))
	part := filepath.Join(to, ".ingest-large")
	for _, victim := range []string{"from", "to"} {
		require.Eventually(t, func() bool {
			info, err := os.Stat(part)
			return err == nil && info.Size() > 16<<20
		}, time.Minute, time.Millisecond, "the object is on its way")
		require.NoError(t, syscall.Kill(p.children()[victim], syscall.SIGKILL))
		require.Eventually(t, func() bool {
			return strings.Contains(p.logs.String(), "plugin "+victim+" ended")
		}, 10*time.Second, tick)
		_ = os.Remove(part)
	}
	drained(t, n, 2*time.Minute)
	large.requireFile(t, to)
	assert.Zero(t, n.count(t, "ingest_dead"))
	p.counts(4, "ingest_plugin_starts_total")

	children := p.children()
	require.Len(t, children, 2)
	p.kill()
	require.Eventually(t, func() bool { return gone(children["from"]) && gone(children["to"]) }, 10*time.Second, tick,
		"plugins end when their host is killed")
}

// TestPluginRefused names what is wrong with a plugin, and does not begin.
func TestPluginRefused(t *testing.T) {
	plugins := t.TempDir()
	for name, program := range map[string]string{"script": "#!/bin/sh\nexit 0\n", "open": ""} {
		require.NoError(t, os.WriteFile(filepath.Join(plugins, name), []byte(program), 0o755))
	}
	require.NoError(t, os.Chmod(filepath.Join(plugins, "open"), 0o777))
	for name, want := range map[string]string{
		"missing": "is in none of the plugin folders",
		"open":    "everybody may write to",
		"script":  "starting plugin script",
	} {
		p := startWithPlugins(t, plugins, fmt.Sprintf("input: { ingest_plugin: { name: %s } }\noutput: { drop: {} }\n", name))
		assert.NotZero(t, p.wait(time.Minute), name)
		assert.Contains(t, p.logs.String(), want)
	}
}

func noopFolder(t *testing.T) string {
	t.Helper()
	plugins := t.TempDir()
	build := command("go", "build", "-o", filepath.Join(plugins, "noop"), "github.com/ingest-bundle/ingest/plugins/noop")
	require.NoError(t, build.Run())
	return plugins
}

// TestNoopPlugin uses one plugin as source and destination, by its name alone: in a
// pipeline, and as the type of a source and a destination in a workflow file.
func TestNoopPlugin(t *testing.T) {
	plugins := noopFolder(t)
	p := startWithPlugins(t, plugins, `
input: { ingest_plugin: { name: noop } }
pipeline: { processors: [ { ingest_plugin: { name: noop } } ] }
output: { ingest_plugin: { name: noop } }
`)
	require.Zero(t, p.wait(time.Minute), "%s", p.logs)
	assert.Contains(t, p.logs.String(), "scanned 1 elements")

	file := writeConfig(t, `
sources: [ { name: a, type: noop } ]
destinations: [ { name: b, type: noop } ]
workflows: [ { name: a-b, source: a, destinations: [ b ] } ]
`)
	address := freeAddress(t)
	p = startArgs(t, address, "--mode=all", "--config", file, "--plugins", plugins, "--listen", address)
	require.Eventually(t, func() bool {
		return p.metric("ingest_storage_objects_total", `result="stored"`, `workflow="a-b"`) == 1 &&
			p.metric("noop_stores_total", `plugin_name="noop"`, `workflow="a-b"`) == 1
	}, time.Minute, tick)
	p.stop()
	assert.Zero(t, p.code)
}

// TestPluginRendered runs the pipelines of a workflow whose plugin is in the default
// folder, with the environment that they ask for.
func TestPluginRendered(t *testing.T) {
	t.Parallel()
	s := &flagStage{t: t, home: t.TempDir(), temp: t.TempDir()}
	plugins := filepath.Join(s.home, ".config", "ingest", "plugins")
	require.NoError(t, os.CopyFS(plugins, os.DirFS(noopFolder(t))))
	require.NoError(t, os.WriteFile(filepath.Join(s.home, "config"), []byte(`
sources: [ { name: a, type: noop } ]
destinations: [ { name: b, type: noop } ]
workflows: [ { name: a-b, source: a, destinations: [ b ] } ]
`), 0o600))
	s.succeeds("workflow", "render", "--output", "pipelines", "config")
	enqueue, dequeue := filepath.Join("pipelines", "a-b_enqueue.yaml"), filepath.Join("pipelines", "a-b_dequeue.yaml")
	s.succeeds("lint", enqueue, dequeue)
	for _, path := range []string{enqueue, dequeue} {
		text, err := os.ReadFile(filepath.Join(s.home, path))
		require.NoError(t, err)
		require.Contains(t, string(text), "INGEST_PLUGIN_PATH lists. For those of now, set it to\n# "+plugins+"\n")
	}
	cmd := s.command("streams", "--no-api", "--until-done", "--progress=json", "--set", "http.enabled=false", enqueue, dequeue)
	cmd.Env = append(cmd.Env, "INGEST_PLUGIN_PATH="+plugins)
	p := startCommand(t, "", cmd)
	require.Zero(t, p.wait(time.Minute), "%s", p.logs)
	assert.Contains(t, p.logs.String(), `"stored":1,`)
}
