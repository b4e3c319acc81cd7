package ingest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ingest-bundle/ingest"
)

// maxIdentifier is the documented bound of an ID and a Name.
const maxIdentifier = 4 << 10

func TestCodecWireForm(t *testing.T) {
	for name, tc := range map[string]struct {
		codec ingest.Codec
		wire  string
	}{
		"with meta":        {ingest.NewCodec("a/b", "b", []byte("hello")), `{"id":"a/b","name":"b","meta":"aGVsbG8="}`},
		"without meta":     {ingest.NewCodec("a", "a", nil), `{"id":"a","name":"a","meta":null}`},
		"empty meta":       {ingest.NewCodec("a", "a", []byte{}), `{"id":"a","name":"a","meta":""}`},
		"empty name":       {ingest.NewCodec("a", "", nil), `{"id":"a","name":"","meta":null}`},
		"HTML is no HTML":  {ingest.NewCodec("a&b<c>d", "&<>", nil), `{"id":"a&b<c>d","name":"&<>","meta":null}`},
		"quotes":           {ingest.NewCodec(`a"b\c`, "\n", nil), `{"id":"a\"b\\c","name":"\n","meta":null}`},
		"other alphabets":  {ingest.NewCodec("ключ/鍵", "é", nil), `{"id":"ключ/鍵","name":"é","meta":null}`},
		"NUL and controls": {ingest.NewCodec("a\x00b\x7f", "x", nil), "{\"id\":\"a\\u0000b\x7f\",\"name\":\"x\",\"meta\":null}"},
	} {
		t.Run(name, func(t *testing.T) {
			wire, err := tc.codec.Marshal()
			require.NoError(t, err)
			assert.Equal(t, tc.wire, string(wire))

			var back ingest.Codec
			require.NoError(t, back.Unmarshal(wire))
			assert.Equal(t, tc.codec, back)
		})
	}
}

func TestCodecLimitsAreInclusive(t *testing.T) {
	codec := ingest.NewCodec(strings.Repeat("i", maxIdentifier), strings.Repeat("n", maxIdentifier), make([]byte, ingest.MaxInlineMeta))
	wire, err := codec.Marshal()
	require.NoError(t, err)
	var back ingest.Codec
	require.NoError(t, back.Unmarshal(wire))
	assert.Equal(t, codec, back)
}

func TestCodecMarshalRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		codec ingest.Codec
		says  string
	}{
		"empty id":           {ingest.NewCodec("", "n", nil), "id is empty"},
		"long id":            {ingest.NewCodec(strings.Repeat("i", maxIdentifier+1), "n", nil), "id has 4097 bytes"},
		"long name":          {ingest.NewCodec("i", strings.Repeat("n", maxIdentifier+1), nil), "name has 4097 bytes"},
		"id of no UTF-8":     {ingest.NewCodec("a\xff", "n", nil), "is not valid UTF-8"},
		"name of no UTF-8":   {ingest.NewCodec("i", "\xc3\x28", nil), "is not valid UTF-8"},
		"surrogate in UTF-8": {ingest.NewCodec("\xed\xa0\x80", "n", nil), "is not valid UTF-8"},
		"huge meta":          {ingest.NewCodec("i", "n", make([]byte, ingest.MaxInlineMeta+1)), "meta of"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.codec.Marshal()
			require.ErrorContains(t, err, tc.says)
			assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err), "no later attempt can succeed")
		})
	}
}

func TestCodecUnmarshalRefuses(t *testing.T) {
	huge := `"` + strings.Repeat("AAAA", ingest.MaxInlineMeta/3+1) + `"`
	for name, tc := range map[string]struct{ wire, says string }{
		"nothing":               {``, "EOF"},
		"null":                  {`null`, "id is missing"},
		"text":                  {`hello`, "invalid character"},
		"string":                {`"a"`, "cannot unmarshal"},
		"array":                 {`[]`, "cannot unmarshal"},
		"cut off":               {`{"id":"a","name":"b"`, "unexpected EOF"},
		"no id":                 {`{"name":"b","meta":null}`, "id is missing"},
		"null id":               {`{"id":null,"name":"b"}`, "id is missing"},
		"empty id":              {`{"id":"","name":"b"}`, "id is empty"},
		"number as id":          {`{"id":1,"name":"b"}`, "cannot unmarshal"},
		"no name":               {`{"id":"a","meta":null}`, "name is missing"},
		"unknown field":         {`{"id":"a","name":"b","meta":null,"size":1}`, "unknown field"},
		"an S3 event":           {`{"Records":[]}`, "unknown field"},
		"meta is no base64":     {`{"id":"a","name":"b","meta":"*"}`, "illegal base64"},
		"data behind":           {`{"id":"a","name":"b","meta":null}{}`, "data after the object"},
		"garbage behind":        {`{"id":"a","name":"b","meta":null}]`, "data after the object"},
		"invalid UTF-8":         {"{\"id\":\"a\xff\",\"name\":\"b\"}", "not valid UTF-8"},
		"invalid UTF-8 outside": {"{\"id\":\"a\",\"name\":\"b\"}\xff", "not valid UTF-8"},
		"long id":               {`{"id":"` + strings.Repeat("i", maxIdentifier+1) + `","name":"b"}`, "id has 4097 bytes"},
		"long name":             {`{"id":"a","name":"` + strings.Repeat("n", maxIdentifier+1) + `"}`, "name has 4097 bytes"},
		"huge meta":             {`{"id":"a","name":"b","meta":` + huge + `}`, "meta of"},
	} {
		t.Run(name, func(t *testing.T) {
			before := ingest.NewCodec("before", "before", []byte("before"))
			codec := before
			err := codec.Unmarshal([]byte(tc.wire))
			require.ErrorContains(t, err, tc.says)
			assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err), "no later attempt can succeed")
			assert.Equal(t, before, codec, "a failure leaves the codec as it was")
		})
	}
}

// White space is no data, and producers in other languages end lines with it.
func TestCodecUnmarshalTakesWhiteSpace(t *testing.T) {
	var codec ingest.Codec
	require.NoError(t, codec.Unmarshal([]byte(" { \"name\" : \"b\", \"id\" : \"a\" } \r\n")))
	assert.Equal(t, ingest.NewCodec("a", "b", nil), codec)
}

// A lone surrogate cannot be written as UTF-8; encoding/json replaces it, and so
// would make one key of two.
func TestCodecUnmarshalOfSurrogates(t *testing.T) {
	for id, want := range map[string]string{
		`a\ud800`:              "",
		`\uDFFF`:               "",
		`\udc00\ud800`:         "",
		`\ud83d\ud83d\ude00`:   "",
		`\ud83dx`:              "",
		`\ud83d\ude00`:         "😀",
		`\uD83D\uDE00\ufffd`:   "😀\ufffd",
		`\\ud800`:              `\ud800`,
		`\\\\ud800`:            `\\ud800`,
		`\"\ud83d\ude00\u0041`: `"😀A`,
	} {
		t.Run(id, func(t *testing.T) {
			var codec ingest.Codec
			err := codec.Unmarshal([]byte(`{"id":"` + id + `","name":"b"}`))
			if want == "" {
				require.ErrorContains(t, err, "surrogate")
				assert.Equal(t, ingest.KindPermanent, ingest.KindOf(err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want, codec.ID)
		})
	}
}
