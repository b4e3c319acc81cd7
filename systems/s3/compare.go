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

	compareETag      = "etag"
	compareSizeMtime = "size_mtime"
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
	}
}

// changesFromParsed returns what compares the listing of s with those of the
// destinations; nil if there are none.
func changesFromParsed(s *source, conf *service.ParsedConfig, res *service.Resources) (*changes, error) {
	confs, err := conf.FieldObjectList(fieldDestinations)
	if err != nil || len(confs) == 0 {
		return nil, err
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
		c.targets = append(c.targets, t)
	}
	return c, nil
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
		case !opaque && src.etag == held.etag && (plainETag.MatchString(src.etag) || multipartETag.MatchString(src.etag)):
			return true
		}
		// Servers tell times to the second, or to less.
		return compare == compareSizeMtime && held.modTime.Truncate(time.Second).After(src.modTime.Truncate(time.Second))
	}
}
