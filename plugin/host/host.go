package host

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/pluginpb"
)

// Host runs plugins.
type Host struct {
	mu        sync.Mutex
	folders   []string
	closed    bool
	processes map[string]*process
	shared    map[string]*instance
	taken     *takenNames
}

// New returns a host whose plugin folders are those of FoldersEnv.
func New() *Host {
	return &Host{
		folders:   filepath.SplitList(os.Getenv(FoldersEnv)),
		processes: map[string]*process{},
		shared:    map[string]*instance{},
		taken:     &takenNames{names: map[string]string{}},
	}
}

// SetFolders sets the plugin folders. It does not touch plugins that are in use.
func (h *Host) SetFolders(folders ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.folders = folders
}

// Plugin says which plugin to use, and how.
type Plugin struct {
	// Name is looked for in the plugin folders; Path is an executable. One of
	// them is set.
	Name, Path string
	// Config is for the plugin: what encoding/json can marshal.
	Config any
	// Resources are where logs and metrics go.
	Resources *service.Resources
}

// Lister starts the plugin, and returns a source for listing. Close frees it.
func (h *Host) Lister(p Plugin) (ingest.Source, error) {
	return h.source(p, h.instance)
}

// Client starts the plugin, and returns a source for opening what was listed. All
// clients with one configuration are one.
func (h *Host) Client(p Plugin) (ingest.Source, error) {
	return h.source(p, h.sharedInstance)
}

type openInstance func(Plugin, pluginpb.Role) (*instance, error)

func (h *Host) source(p Plugin, open openInstance) (ingest.Source, error) {
	inst, err := open(p, pluginpb.Role_ROLE_SOURCE)
	if err != nil {
		return nil, err
	}
	return asSource(&source{instance: inst}), nil
}

// Destination starts the plugin, and returns a destination. All with one
// configuration are one.
func (h *Host) Destination(p Plugin) (ingest.Destination, error) {
	inst, err := h.sharedInstance(p, pluginpb.Role_ROLE_DESTINATION)
	if err != nil {
		return nil, err
	}
	return asDestination(&destination{instance: inst}), nil
}

func (h *Host) instance(p Plugin, role pluginpb.Role) (*instance, error) {
	config, err := json.Marshal(p.Config)
	if err != nil {
		return nil, fmt.Errorf("field config: %w", err)
	}
	process, err := h.process(p)
	if err != nil {
		return nil, err
	}
	return newInstance(process, role, config)
}

func (h *Host) sharedInstance(p Plugin, role pluginpb.Role) (*instance, error) {
	inst, err := h.instance(p, role)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s %s %s", role, inst.process.path, inst.config)
	h.mu.Lock()
	before, ok := h.shared[key]
	if !ok {
		h.shared[key] = inst
	}
	h.mu.Unlock()
	if ok {
		return before, inst.Close()
	}
	return inst, nil
}

// process returns the process of the plugin's executable, which may not run yet.
func (h *Host) process(p Plugin) (*process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	path, err := h.locate(p)
	if err != nil {
		return nil, err
	}
	if h.closed {
		return nil, errClosed
	}
	if running, ok := h.processes[path]; ok {
		return running, nil
	}
	started := newProcess(path, h.nameOf(path), p.Resources, h.taken)
	h.processes[path] = started
	return started, nil
}

func (h *Host) locate(p Plugin) (string, error) {
	switch {
	case (p.Name == "") == (p.Path == ""):
		return "", fmt.Errorf("a name or a path of a plugin was expected, and one of them only")
	case p.Path != "":
		return executable(p.Path)
	}
	return find(h.folders, p.Name)
}

// nameOf returns what logs and metrics call the plugin: its file, or the whole path
// where another plugin is called so.
func (h *Host) nameOf(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".exe")
	for _, other := range h.processes {
		if other.name == name {
			return path
		}
	}
	return name
}

// Close ends all plugins. What uses them then fails.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	var ending sync.WaitGroup
	for _, p := range h.processes {
		ending.Go(p.close)
	}
	h.mu.Unlock()
	ending.Wait()
}
