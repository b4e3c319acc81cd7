package pluginpb

import (
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
)

// The generated code is that of plugin.proto: if not, run make proto.
func TestGeneratedCodeIsNotStale(t *testing.T) {
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{})}
	files, err := compiler.Compile(t.Context(), "plugin.proto")
	require.NoError(t, err)
	want := protodesc.ToFileDescriptorProto(files[0])
	got := protodesc.ToFileDescriptorProto(File_ingest_plugin_v3_plugin_proto)
	want.Name = got.Name
	assert.Equal(t, prototext.Format(want), prototext.Format(got))
}
