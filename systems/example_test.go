package systems_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/systems"
)

// quotes is a source of a third party: it lists and opens sayings.
type quotes struct {
	author string
	left   []string
}

var sayings = map[string]string{
	"cogito": "I think, therefore I am.",
	"scio":   "I know that I know nothing.",
}

func (q *quotes) Reset(context.Context) error {
	q.left = []string{"cogito", "scio"}
	return nil
}

func (q *quotes) Next(ctx context.Context) (*ingest.Codec, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(q.left) == 0 {
		return nil, io.EOF
	}
	codec := ingest.NewCodec(q.left[0], q.author+"/"+q.left[0]+".txt", nil)
	q.left = q.left[1:]
	return &codec, nil
}

func (q *quotes) Download(_ context.Context, codec ingest.Codec) (*ingest.Object, error) {
	text, ok := sayings[codec.ID]
	if !ok {
		return nil, ingest.NotFound(fmt.Errorf("there is no saying %q", codec.ID))
	}
	return &ingest.Object{MimeType: "text/plain", Len: int64(len(text)), Reader: strings.NewReader(text)}, nil
}

func (q *quotes) CleanUp(context.Context, ingest.Codec) error { return nil }

// A source becomes an input, which lists, and a processor, which fetches.
func ExampleRegisterSource() {
	err := systems.RegisterSource(systems.Source{
		Name:  "quotes",
		Title: "a collection of sayings",
		Fields: []*service.ConfigField{
			service.NewStringField("author").Description("Whose sayings."),
		},
		New: func(conf *service.ParsedConfig, _ *service.Resources) (ingest.Source, error) {
			author, err := conf.FieldString("author")
			return &quotes{author: author}, err
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	builder := service.NewStreamBuilder()
	err = errors.Join(
		builder.SetLoggerYAML(`level: "off"`),
		builder.AddInputYAML(`
ingest_quotes:
  author: anon
`),
		builder.AddProcessorYAML(`
ingest_quotes:
  author: anon
  operation: read
`),
		builder.AddConsumerFunc(func(_ context.Context, msg *service.Message) error {
			content, err := msg.AsBytes()
			name, _ := msg.MetaGet(ingest.MetaName)
			fmt.Printf("%s: %s\n", name, content)
			return err
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	stream, err := builder.Build()
	if err == nil {
		err = stream.Run(context.Background())
	}
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// anon/cogito.txt: I think, therefore I am.
	// anon/scio.txt: I know that I know nothing.
}

// wall is a destination of a third party: it prints what it stores.
type wall struct{}

func (wall) Stat(context.Context, ingest.Codec) (*ingest.Stored, error) {
	return nil, ingest.ErrNotFound
}

func (wall) Store(_ context.Context, codec ingest.Codec, obj ingest.Object) (*ingest.Stored, error) {
	content, err := io.ReadAll(obj.Reader)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s says %q\n", codec.Name, content)
	return &ingest.Stored{URI: "wall://" + codec.Name, Len: int64(len(content)), Verified: true}, nil
}

// A destination becomes an output, which stores.
func ExampleRegisterDestination() {
	err := errors.Join(
		systems.RegisterSource(systems.Source{
			Name: "sayings",
			New: func(*service.ParsedConfig, *service.Resources) (ingest.Source, error) {
				return &quotes{author: "anon"}, nil
			},
		}),
		systems.RegisterDestination(systems.Destination{
			Name:  "wall",
			Title: "a wall",
			New: func(*service.ParsedConfig, *service.Resources) (ingest.Destination, error) {
				return wall{}, nil
			},
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}

	builder := service.NewStreamBuilder()
	err = builder.SetYAML(`
input:
  ingest_sayings: {}
pipeline:
  threads: 1
  processors:
    - ingest_sayings: {}
output:
  ingest_fan_out:
    max_in_flight: 1
    outputs:
      - ingest_wall:
          key: the wall, about ${! metadata("ingest_id") },
logger:
  level: "off"
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	stream, err := builder.Build()
	if err == nil {
		err = stream.Run(context.Background())
	}
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// the wall, about cogito, says "I think, therefore I am."
	// the wall, about scio, says "I know that I know nothing."
}
