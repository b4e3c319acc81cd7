package enqueue_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/enqueue"
	"github.com/ingest-bundle/ingest/queue"
)

// days lists the days of a week.
type days struct{ left []string }

func (d *days) Reset(context.Context) error {
	d.left = []string{"monday", "tuesday", "wednesday"}
	return nil
}

func (d *days) Next(context.Context) (*ingest.Codec, error) {
	if len(d.left) == 0 {
		return nil, io.EOF
	}
	codec := ingest.NewCodec(d.left[0], d.left[0]+".txt", nil)
	d.left = d.left[1:]
	return &codec, nil
}

// A Nexter lists what there is. What is queued already is not queued again.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "queue")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder

	ctx := context.Background()
	// Without URLs of NATS servers the queue is in this process, kept in a folder.
	cfg := queue.Config{Subject: "ingest.days", Server: queue.Server{StoreDir: dir}}
	enqueuer, err := enqueue.New(&days{}, cfg, enqueue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		if err := enqueuer.Enqueue(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}

	q, err := queue.Attach(ctx, cfg, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer q.Close() //nolint:errcheck // the end of the example
	info, err := q.Info(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(info.Messages, "messages")
	// Output: 3 messages
}
