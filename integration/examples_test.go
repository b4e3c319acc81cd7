package integration

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const examplesDir = "config/examples"

// examples tests each folder of config/examples.
var examples = map[string]func(*stage){
	"s3-to-s3":       exampleS3ToS3,
	"single-process": exampleSingleProcess,
	"files-to-s3":    exampleFilesToS3,
	"s3-to-files":    exampleS3ToFiles,
	"fan-out":        exampleFanOut,
	"clean-up":       exampleCleanUp,
	"webhook":        exampleWebhook,
	"gzip":           exampleGzip,
	"json-mapping":   exampleJSONMapping,
	"split-csv":      exampleSplitCSV,
	"stock-bridge":   exampleStockBridge,
	"three-sources":  exampleThreeSources,
	"dead-letters":   exampleDeadLetters,
	"tls":            exampleTLS,
	"nats-cluster":   exampleNATSCluster,
	"workflow-file":  exampleWorkflowFile,
	"s3-to-drive":    exampleS3ToDrive,
}

// TestExamples runs every example as the comment at its head says.
func TestExamples(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", examplesDir))
	require.NoError(t, err)
	table, err := os.ReadFile(filepath.Join("..", examplesDir, "README.md"))
	require.NoError(t, err)
	folders := 0
	for _, e := range entries {
		if e.IsDir() {
			folders++
			assert.Contains(t, examples, e.Name(), "an example without a test")
			assert.Contains(t, string(table), "("+e.Name()+")", "README.md does not list the example")
		}
	}
	require.Len(t, examples, folders, "a test without an example")

	source, dest := startMinIO(t), startVersityGW(t)
	for name, test := range examples {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, source, dest)
			test(s)
			s.requireAllWereRun(name)
		})
	}
}

// TestExamplesUnitTests runs the Benthos tests beside the examples. Everything
// that has a mapping of more than a line must have one.
func TestExamplesUnitTests(t *testing.T) {
	s := &stage{t: t, dir: copyOfExamples(t)}
	out := s.do("ingest test " + examplesDir + "/...")
	for _, path := range s.pipelines(examplesDir) {
		text, err := os.ReadFile(filepath.Join(s.dir, path))
		require.NoError(t, err)
		if strings.Contains(string(text), "mapping: |") {
			assert.Contains(t, out, "Test '"+path+"' succeeded")
		}
	}
}

// stage is what an example is run on: a folder that looks like the repository, two
// S3 servers with a bucket each, and an environment that holds its variables and
// nothing else.
type stage struct {
	t            *testing.T
	dir          string
	env          map[string]string
	source, dest *s3Server
	from, to     string
	ran          map[string]bool
}

func newStage(t *testing.T, source, dest *s3Server) *stage {
	t.Helper()
	s := &stage{t: t, dir: copyOfExamples(t), source: source.of(t), dest: dest.of(t), env: map[string]string{}, ran: map[string]bool{}}
	_, name, _ := strings.Cut(t.Name(), "/")
	s.from, s.to = s.source.bucket(name+"-source"), s.dest.bucket(name+"-copy")
	s.connect("SRC", s.source, s.from)
	s.connect("DST", s.dest, s.to)
	return s
}

// connect sets the variables of a bucket.
func (s *stage) connect(prefix string, server *s3Server, bucket string) {
	s.env[prefix+"_ENDPOINT"] = server.endpoint
	s.env[prefix+"_INSECURE"] = "true"
	s.env[prefix+"_BUCKET"] = bucket
	s.env[prefix+"_ACCESS_KEY_ID"] = accessKey
	s.env[prefix+"_SECRET_ACCESS_KEY"] = secretKey
}

func copyOfExamples(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, examplesDir), os.DirFS(filepath.Join("..", examplesDir))))
	return dir
}

var headCommand = regexp.MustCompile(`(?m)^#   (ingest .+)$`)

// head returns the commands in the comment of an example's file.
func (s *stage) head(file string) (commands []string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, examplesDir, file))
	require.NoError(s.t, err)
	for _, m := range headCommand.FindAllStringSubmatch(string(text), -1) {
		commands = append(commands, m[1])
	}
	require.NotEmpty(s.t, commands, "%s does not say how to run it", file)
	return commands
}

// follow does what the comment of an example's file says, and returns the process
// that it starts.
func (s *stage) follow(file string) (p *process) {
	s.t.Helper()
	for _, command := range s.head(file) {
		if runs.MatchString(command) {
			require.Nil(s.t, p, "%s starts more than one process", file)
			p = s.start(command)
		} else {
			s.do(command)
		}
	}
	require.NotNil(s.t, p, "%s does not say how to run it", file)
	return p
}

var runs = regexp.MustCompile(`^ingest (?:run |streams |--mode=\S+ )`)

// start starts a command that runs pipelines. Only the port of its HTTP service is
// another one.
func (s *stage) start(command string) *process {
	s.t.Helper()
	for _, arg := range strings.Fields(command) {
		if strings.HasPrefix(arg, examplesDir) {
			for _, path := range s.pipelines(arg) {
				s.ran[path] = true
			}
		}
	}
	address := freeAddress(s.t)
	listen := "--set http.address="
	if strings.HasPrefix(command, "ingest --mode=") {
		listen = "--listen="
	}
	return startCommand(s.t, address, s.shell(runs.ReplaceAllString(command, "${0}"+listen+address+" ")))
}

// do runs a command to its end, and returns what it prints.
func (s *stage) do(command string) string {
	s.t.Helper()
	out, err := s.shell(command).CombinedOutput()
	require.NoError(s.t, err, "%s: %s", command, out)
	return string(out)
}

func (s *stage) shell(command string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", "exec "+command)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + filepath.Dir(binary), "HOME=" + s.dir}
	for k, v := range s.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// pipelines returns the configurations that a path, a folder or a glob stands for.
func (s *stage) pipelines(pattern string) (paths []string) {
	s.t.Helper()
	matches, err := fs.Glob(os.DirFS(s.dir), pattern)
	require.NoError(s.t, err)
	for _, m := range matches {
		require.NoError(s.t, fs.WalkDir(os.DirFS(s.dir), m, func(path string, _ fs.DirEntry, err error) error {
			if strings.HasSuffix(path, ".yaml") && !strings.HasSuffix(path, "_benthos_test.yaml") {
				paths = append(paths, path)
			}
			return err
		}))
	}
	return paths
}

// requireAllWereRun fails if a configuration of the example was not run.
func (s *stage) requireAllWereRun(example string) {
	s.t.Helper()
	for _, path := range s.pipelines(examplesDir + "/" + example) {
		assert.True(s.t, s.ran[path], "%s was not run", path)
	}
}

// putSome puts a few objects into the source.
func (s *stage) putSome() []object {
	s.t.Helper()
	objects := append(small(10, "folder/o"), object{key: "larger ünï", size: 6 << 20})
	putAll(s.t, s.source, s.from, objects)
	return objects
}

// awaitKeys waits until a bucket holds a number of objects.
func awaitKeys(t *testing.T, s *s3Server, bucket string, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return len(s.keys(bucket)) == n }, time.Minute, 2*tick, "%s does not hold %d objects", bucket, n)
}

// moved waits until the objects are at the destination, and compares them.
func (s *stage) moved(objects []object) {
	s.t.Helper()
	awaitKeys(s.t, s.dest, s.to, len(objects))
	requireSame(s.t, s.dest, s.to, "", objects)
}

// stopped stops processes, which must end well.
func stopped(t *testing.T, processes ...*process) {
	t.Helper()
	for _, p := range processes {
		p.stop()
		assert.Zero(t, p.code, "%s", p.logs)
	}
}
