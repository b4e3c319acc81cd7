package outputs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ingest-bundle/ingest"
)

func TestUpToDate(t *testing.T) {
	const tag, otherTag = "900150983cd24fb0d6963f7d28e17f72", "e2fc714c4727ee9395f324cd2e7f331f"
	sum, other := digest("abc"), digest("abcd")
	mtime := time.Unix(1e9, 0)
	version := (&ingest.Object{ETag: "opaque"}).Version()
	byTime := (&ingest.Object{ModTime: mtime}).Version()
	for name, tc := range map[string]struct {
		src  *ingest.Object
		held *ingest.Stored
		want bool
	}{
		"nothing held":                    {&ingest.Object{}, nil, false},
		"nothing known of the source":     {nil, &ingest.Stored{}, false},
		"equal digests":                   {&ingest.Object{Len: 3, MD5: sum}, &ingest.Stored{Len: 3, MD5: sum}, true},
		"equal digests, length unknown":   {&ingest.Object{Len: -1, MD5: sum}, &ingest.Stored{Len: 3, MD5: sum}, true},
		"other digest":                    {&ingest.Object{Len: 3, MD5: other}, &ingest.Stored{Len: 3, MD5: sum}, false},
		"other digest, equal tag":         {&ingest.Object{Len: 3, MD5: other, ETag: tag}, &ingest.Stored{Len: 3, MD5: sum, ETag: tag}, false},
		"other length, equal digest":      {&ingest.Object{Len: 4, MD5: sum}, &ingest.Stored{Len: 3, MD5: sum}, false},
		"equal plain tags":                {&ingest.Object{Len: 3, ETag: tag}, &ingest.Stored{Len: 3, ETag: tag}, true},
		"equal multipart tags":            {&ingest.Object{Len: 3, ETag: tag + "-2"}, &ingest.Stored{Len: 3, ETag: tag + "-2"}, true},
		"multipart tags of other parts":   {&ingest.Object{Len: 3, ETag: tag + "-2"}, &ingest.Stored{Len: 3, ETag: tag + "-3"}, false},
		"equal tags, length unknown":      {&ingest.Object{Len: -1, ETag: tag}, &ingest.Stored{Len: 3, ETag: tag}, false},
		"equal tags that are no digests":  {&ingest.Object{Len: 3, ETag: "1"}, &ingest.Stored{Len: 3, ETag: "1"}, false},
		"no tags at all":                  {&ingest.Object{Len: 3}, &ingest.Stored{Len: 3}, false},
		"other tags":                      {&ingest.Object{Len: 3, ETag: tag}, &ingest.Stored{Len: 3, ETag: otherTag}, false},
		"same time and length":            {&ingest.Object{Len: 3, ModTime: mtime}, &ingest.Stored{Len: 3, ModTime: mtime}, false},
		"record of the version":           {&ingest.Object{Len: 3, ETag: "opaque"}, &ingest.Stored{Len: 3, SourceVersion: version}, true},
		"record, other length":            {&ingest.Object{Len: 4, ETag: "opaque"}, &ingest.Stored{Len: 3, SourceVersion: version}, false},
		"record of another version":       {&ingest.Object{Len: 3, ETag: "opaque2"}, &ingest.Stored{Len: 3, SourceVersion: version}, false},
		"record of a time":                {&ingest.Object{Len: 3, ModTime: mtime}, &ingest.Stored{Len: 3, SourceVersion: byTime}, true},
		"record, source tells nothing":    {&ingest.Object{Len: 3}, &ingest.Stored{Len: 3, SourceVersion: version}, false},
		"no record, source tells nothing": {&ingest.Object{Len: 3}, &ingest.Stored{Len: 3, SourceVersion: ""}, false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, upToDate(tc.src, tc.held)) })
	}
}
