package dequeue_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/dequeue"
	"github.com/ingest-bundle/ingest/enqueue"
	"github.com/ingest-bundle/ingest/queue"
)

// greetings is both a Nexter, which lists, and a Client, which fetches.
type greetings struct{ left []string }

func (g *greetings) Reset(context.Context) error {
	g.left = []string{"world", "moon"}
	return nil
}

func (g *greetings) Next(context.Context) (*ingest.Codec, error) {
	if len(g.left) == 0 {
		return nil, io.EOF
	}
	codec := ingest.NewCodec(g.left[0], g.left[0]+".txt", nil)
	g.left = g.left[1:]
	return &codec, nil
}

func (g *greetings) Download(_ context.Context, codec ingest.Codec) (*ingest.Object, error) {
	text := "hello, " + codec.ID
	return &ingest.Object{MimeType: "text/plain", Len: int64(len(text)), Reader: strings.NewReader(text)}, nil
}

func (g *greetings) CleanUp(context.Context, ingest.Codec) error { return nil }

// printer is a Destination that prints, and says when it has printed enough.
type printer struct {
	left   *atomic.Int32
	enough func()
}

func (printer) Stat(context.Context, ingest.Codec) (*ingest.Stored, error) {
	return nil, ingest.ErrNotFound
}

func (p printer) Store(_ context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	text, err := io.ReadAll(obj.Reader)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s: %s\n", codec.Name, text)
	if p.left.Add(-1) == 0 {
		p.enough()
	}
	return &ingest.Stored{URI: "stdout:" + codec.Name, Len: int64(len(text)), Verified: true}, nil
}

// What a Nexter lists is queued, and then moved from a Client to a Destination.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "queue")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	// Without URLs of NATS servers the queue is in this process, kept in a folder.
	cfg := queue.Config{Subject: "ingest.greetings", Server: queue.Server{StoreDir: dir}}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	source := &greetings{}
	enqueuer, err := enqueue.New(source, cfg, enqueue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var left atomic.Int32
	left.Store(2)
	to := []ingest.Destination{printer{&left, cancel}}
	dequeuer, err := dequeue.New(source, to, cfg, dequeue.Options{Concurrency: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := enqueuer.Enqueue(ctx); err != nil {
		fmt.Println(err)
		return
	}
	// What is in flight when the context ends is finished.
	if err := dequeuer.Dequeue(ctx); err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// world.txt: hello, world
	// moon.txt: hello, moon
}
