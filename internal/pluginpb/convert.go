package pluginpb

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/ingest-bundle/ingest"
)

// FromCodec returns the message for a codec.
func FromCodec(c ingest.Codec) *Codec {
	return &Codec{Id: []byte(c.ID), Name: []byte(c.Name), Meta: c.Meta}
}

// ToCodec is the reverse of FromCodec.
func ToCodec(c *Codec) ingest.Codec {
	return ingest.NewCodec(string(c.GetId()), string(c.GetName()), c.GetMeta())
}

// FromObject returns the message for the description of an object; nil for nil.
func FromObject(o *ingest.Object) *Object {
	if o == nil {
		return nil
	}
	return &Object{
		MimeType:           o.MimeType,
		Len:                o.Len,
		Etag:               o.ETag,
		VersionId:          o.VersionID,
		ModTime:            fromTime(o.ModTime),
		Md5:                o.MD5,
		PartSize:           o.PartSize,
		ContentEncoding:    o.ContentEncoding,
		ContentDisposition: o.ContentDisposition,
		ContentLanguage:    o.ContentLanguage,
		CacheControl:       o.CacheControl,
		Metadata:           o.Metadata,
		HasTags:            o.Tags != nil,
	}
}

// ToObject is the reverse of FromObject. The tags are left to the caller.
func ToObject(o *Object) *ingest.Object {
	if o == nil {
		return nil
	}
	return &ingest.Object{
		MimeType:           o.GetMimeType(),
		Len:                o.GetLen(),
		ETag:               o.GetEtag(),
		VersionID:          o.GetVersionId(),
		ModTime:            toTime(o.GetModTime()),
		MD5:                o.GetMd5(),
		PartSize:           o.GetPartSize(),
		ContentEncoding:    o.GetContentEncoding(),
		ContentDisposition: o.GetContentDisposition(),
		ContentLanguage:    o.GetContentLanguage(),
		CacheControl:       o.GetCacheControl(),
		Metadata:           o.GetMetadata(),
	}
}

// FromStored returns the message for what a destination holds.
func FromStored(s *ingest.Stored) *Stored {
	return &Stored{
		Uri:           s.URI,
		Len:           s.Len,
		Etag:          s.ETag,
		Md5:           s.MD5,
		VersionId:     s.VersionID,
		ModTime:       fromTime(s.ModTime),
		SourceVersion: s.SourceVersion,
		Verified:      s.Verified,
	}
}

// ToStored is the reverse of FromStored.
func ToStored(s *Stored) *ingest.Stored {
	return &ingest.Stored{
		URI:           s.GetUri(),
		Len:           s.GetLen(),
		ETag:          s.GetEtag(),
		MD5:           s.GetMd5(),
		VersionID:     s.GetVersionId(),
		ModTime:       toTime(s.GetModTime()),
		SourceVersion: s.GetSourceVersion(),
		Verified:      s.GetVerified(),
	}
}

func fromTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func toTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
