package s3

import (
	"fmt"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fieldDestinations = "destinations"
	fieldCompare      = "compare"
	fieldDelete       = "delete"
	fieldMaxDelete    = "max_delete"

	compareETag      = "etag"
	compareSizeMtime = "size_mtime"

	defaultMaxDelete = 1000
)

// compareFields configure the comparison of a scan with what destinations hold.
func compareFields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewObjectListField(fieldDestinations, append(connectionFields(),
			service.NewStringField(fieldPrefix).
				Description("What the keys begin with there, as in the output.").
				Default(""),
			service.NewStringField(fieldMetafilesPrefix).
				Description("The `metafiles_prefix` of the output.").
				Default("").Advanced(),
		)...).
			Description("Where the objects go: every destination of the pipeline that takes from the queue, with the same `endpoint`, `bucket` and `prefix`. If set, they are listed along with the source, and what all of them hold already is not queued. That costs a request for a thousand objects on each side, in place of two or more for each object.\n\nElements must be stored under their own names, which is the default of the outputs. What is left out is neither cleaned up, nor told to a webhook, nor given a metafile that is missing. Credentials must allow listing, here too.").
			Default([]any{}).Advanced(),
		service.NewStringAnnotatedEnumField(fieldCompare, map[string]string{
			compareETag:      "Equal sizes and equal ETags that are digests. What that cannot prove, such as uploads in other parts and objects encrypted with a key of their own, is queued, and the output decides.",
			compareSizeMtime: "That, or equal sizes and a copy that is newer than the source's object by the clocks of both servers. This is weaker: an object that was replaced by one of the same size, with an older time, is missed.",
		}).
			Description("What proves, for `destinations`, that an object need not be queued. With `etags: opaque` ETags prove nothing.").
			Default(compareETag).Advanced(),
		service.NewBoolField(fieldDelete).
			Description("Queue for deletion what `destinations` have beneath their prefixes, and the source has not. The worker deletes it where it was seen, after the source has said once more that it has no such object; what the source has again is copied. Folder markers stay. On a versioned bucket a delete marker is left.\n\nNothing is deleted by a scan in which a listing had an error or was not sorted, or the source showed nothing at all; such a scan ends with a failure.\n\nThe prefixes of the destinations must hold nothing else. Objects must keep their names on the way: what a processor or `key` gives another name would be deleted. The processor that fetches must have `operation: download`. Refused along with `clean_up`.").
			Default(false).Advanced(),
		service.NewIntField(fieldMaxDelete).
			Description("The most objects that one scan queues for deletion. If there are more, it queues none, and ends with a failure.").
			Default(defaultMaxDelete).Advanced().
			LintRule(`root = if this < 1 { [ "at least 1 was expected" ] }`),
	}
}

// changesFromParsed returns what compares the listing of s with those of the
// destinations; nil if there are none.
func changesFromParsed(s *source, conf *service.ParsedConfig, res *service.Resources) (*changes, error) {
	confs, err := conf.FieldObjectList(fieldDestinations)
	if err != nil {
		return nil, err
	}
	deletes, err := conf.FieldBool(fieldDelete)
	if err != nil {
		return nil, err
	}
	if len(confs) == 0 {
		if deletes {
			return nil, fmt.Errorf("field %s: field %s is missing: it says where", fieldDelete, fieldDestinations)
		}
		return nil, nil
	}
	compare, err := conf.FieldString(fieldCompare)
	if err != nil {
		return nil, err
	}
	c := &changes{source: s.list, log: res.Logger(), proves: provesWith(compare, s.opaque)}
	for i, conf := range confs {
		t, err := targetFromParsed(s, conf)
		if err != nil {
			return nil, fmt.Errorf("field %s.%d: %w", fieldDestinations, i, err)
		}
		t.field = fmt.Sprintf("%s.%d", fieldDestinations, i)
		c.targets = append(c.targets, t)
	}
	if deletes {
		c.deletions, err = deletionsFromParsed(s, c.targets, conf)
	}
	return c, err
}

func deletionsFromParsed(s *source, targets []*target, conf *service.ParsedConfig) (*deletions, error) {
	limit, err := conf.FieldInt(fieldMaxDelete)
	if err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, fmt.Errorf("field %s: at least 1 was expected", fieldMaxDelete)
	}
	if s.list.startAfter != "" {
		return nil, fmt.Errorf("field %s: with field %s the scan does not see all that the source has", fieldDelete, fieldStartAfter)
	}
	for i, t := range targets {
		l := t.cursor.(*listing)
		if l.overlaps(s.list) {
			return nil, fmt.Errorf("field %s: %s and the source, %s, have buckets of one name, which may be the same, and one prefix is inside the other: objects of the source could be deleted", fieldDelete, t.location, s.location(s.prefix))
		}
		for _, other := range targets[i+1:] {
			if o := other.cursor.(*listing); l.overlaps(o) && strings.EqualFold(l.endpoint, o.endpoint) {
				return nil, fmt.Errorf("field %s: of %s and %s one is inside the other: what is there would be deleted", fieldDelete, t.location, other.location)
			}
		}
	}
	return &deletions{prefix: s.prefix, limit: limit}, nil
}

// overlaps reports whether, in buckets of one name, one of the two lists a part of
// what the other does. A server may have several names, and is not compared.
func (l *listing) overlaps(other *listing) bool {
	return l.bucket == other.bucket && l.prefix != other.prefix &&
		(strings.HasPrefix(l.prefix, other.prefix) || strings.HasPrefix(other.prefix, l.prefix))
}

func targetFromParsed(s *source, conf *service.ParsedConfig) (*target, error) {
	conn, err := connectionFromParsed(conf)
	if err != nil {
		return nil, err
	}
	l := &listing{recursive: s.list.recursive}
	if l.client, err = newClient(conn); err != nil {
		return nil, err
	}
	if l.prefix, err = conf.FieldString(fieldPrefix); err != nil {
		return nil, err
	}
	if l.metafilesPrefix, err = conf.FieldString(fieldMetafilesPrefix); err != nil {
		return nil, err
	}
	if name, ok := strings.CutPrefix(s.list.startAfter, s.prefix); ok && name != "" {
		l.startAfter = l.prefix + name
	}
	t := &target{cursor: l, location: l.location(l.prefix)}
	if t.location == s.location(s.prefix) {
		return nil, fmt.Errorf("%s is the source itself", t.location)
	}
	return t, nil
}

// provesWith is as strict as the outputs are about digests: see upToDate there.
func provesWith(compare string, opaque bool) func(src, held *entry) bool {
	return func(src, held *entry) bool {
		switch {
		case src.size != held.size:
			return false
		case !opaque && src.etag == held.etag && (isPlainETag(src.etag) || multipartETag.MatchString(src.etag)):
			return true
		}
		// Servers tell times to the second, or to less.
		return compare == compareSizeMtime && held.modTime.Truncate(time.Second).After(src.modTime.Truncate(time.Second))
	}
}
