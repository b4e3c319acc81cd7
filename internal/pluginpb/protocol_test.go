package pluginpb

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ingest-bundle/ingest"
)

func TestErrors(t *testing.T) {
	given, err := ToError(FromError(fmt.Errorf("a: %w", ingest.NotFound(ingest.Permanent(errors.New("b"))))))
	require.True(t, given)
	require.EqualError(t, err, "a: b")
	require.ErrorIs(t, err, ingest.ErrNotFound)
	assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))

	given, err = ToError(FromError(errors.New("no kind \xff")))
	require.True(t, given)
	require.EqualError(t, err, "no kind \uFFFD")
	assert.Equal(t, ingest.KindTransient, ingest.KindOf(err))

	given, _ = ToError(status.Error(codes.Unavailable, "gone"))
	assert.False(t, given, "the plugin did not say so")
	given, _ = ToError(context.Canceled)
	assert.False(t, given)
	given, err = ToError(status.Error(codes.Unimplemented, "no such method"))
	require.True(t, given)
	require.ErrorIs(t, err, ErrNotImplemented)

	// A system's own gRPC errors are not those of the connection to the plugin.
	given, err = ToError(FromError(status.Error(codes.Unavailable, "the system is down")))
	require.True(t, given)
	require.ErrorContains(t, err, "the system is down")
	require.NoError(t, FromError(nil))
}

// Everything that is known of an object comes across.
func TestConversions(t *testing.T) {
	obj := &ingest.Object{
		MimeType: "a", Len: -1, ETag: "b", VersionID: "c", ModTime: time.Unix(1, 2).UTC(), MD5: []byte("d"), PartSize: 3,
		ContentEncoding: "e", ContentDisposition: "f", ContentLanguage: "g", CacheControl: "h", Metadata: map[string]string{"i": "j"},
	}
	requireFull(t, *obj, "Reader", "Tags", "Range", "Sequential")
	assert.Equal(t, obj, ToObject(FromObject(obj)))
	assert.Nil(t, ToObject(FromObject(nil)))
	assert.True(t, ToObject(FromObject(&ingest.Object{})).ModTime.IsZero())

	stored := &ingest.Stored{
		URI: "a", Len: 1, ETag: "b", MD5: []byte("c"), VersionID: "d", ModTime: time.Unix(3, 4).UTC(), SourceVersion: "e", Verified: true,
	}
	requireFull(t, *stored)
	assert.Equal(t, stored, ToStored(FromStored(stored)))
	codec := ingest.NewCodec("not UTF-8 \xff", "\x00", []byte{1})
	requireFull(t, codec)
	assert.Equal(t, codec, ToCodec(FromCodec(codec)))
}

// requireFull fails if a field of the struct is not set: a new one has to be
// thought of here too.
func requireFull(t *testing.T, v any, except ...string) {
	t.Helper()
	value := reflect.ValueOf(v)
	for i := range value.NumField() {
		if name := value.Type().Field(i).Name; !slices.Contains(except, name) {
			require.False(t, value.Field(i).IsZero(), "field %s", name)
		}
	}
}
