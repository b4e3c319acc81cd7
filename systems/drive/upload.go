package drive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/drive/v3"
	"google.golang.org/api/googleapi"

	"github.com/ingest-bundle/ingest"
)

const (
	// tidyTimeout bounds what is done after a failure, when the attempt's own
	// time is over.
	tidyTimeout = 30 * time.Second
	// chunkRetries is how long the client library sends a chunk again, on top
	// of what retryTransport does: not at all.
	chunkRetries = time.Second
	// ownTypes are the types of what has no content. Drive would convert what
	// is uploaded with one of them.
	ownTypes    = "application/vnd.google-apps"
	unknownType = "application/octet-stream"

	// maxProperties and maxProperty are Drive's own limits.
	maxProperties = 30
	maxProperty   = 124
)

// errUnverified says that what Drive says it holds is not what was sent.
var errUnverified = errors.New("the server does not hold what was sent")

// upload stores one object as one file.
type upload struct {
	d            *destination
	parent, name string
	// id is the ID that a new file gets.
	id string
	// held is the file to update; nil makes a new one.
	held *drive.File
	obj  *ingest.Object
}

// run uploads the object, and returns the file once it is verified.
func (u *upload) run(ctx context.Context) (*drive.File, error) {
	size := u.chunkSize()
	loan, err := u.d.memory.Acquire(ctx, int64(size))
	if err != nil {
		return nil, err
	}
	defer loan.Release()
	content := newContent(u.obj)
	media := []googleapi.MediaOption{googleapi.ChunkSize(size), googleapi.ChunkRetryDeadline(chunkRetries)}
	if t := u.mediaType(); t != "" {
		media = append(media, googleapi.ContentType(t))
	}
	var file *drive.File
	if u.held == nil {
		file, err = u.create(ctx, content, media)
	} else {
		file, err = u.update(ctx, content, media)
	}
	if content.err != nil && !content.whole() {
		// It is the source that failed.
		return nil, content.err
	}
	if err != nil {
		return nil, err
	}
	if err := u.verify(file, content); err != nil {
		return nil, u.discard(ctx, file, err)
	}
	return file, nil
}

// chunkSize is how much memory the client library is to take: no more than the
// object needs to be read to its end.
func (u *upload) chunkSize() int {
	const unit = googleapi.MinUploadChunkSize
	if u.obj.Len < 0 || u.obj.Len >= int64(u.d.chunkSize) {
		return u.d.chunkSize
	}
	return (int(u.obj.Len)/unit + 1) * unit
}

// mediaType is the content type; empty lets the client library guess.
func (u *upload) mediaType() string {
	t := u.obj.MimeType
	if _, _, err := mime.ParseMediaType(t); t != "" && (err != nil || strings.HasPrefix(t, ownTypes)) {
		return unknownType
	}
	return t
}

// metadata carries over what the source says of the object.
func (u *upload) metadata() *drive.File {
	f := &drive.File{MimeType: u.mediaType(), Properties: map[string]string{}}
	if !u.obj.ModTime.IsZero() {
		f.ModifiedTime = u.obj.ModTime.UTC().Format(time.RFC3339Nano)
	}
	for k, v := range u.obj.Metadata {
		if len(k)+len(v) <= maxProperty && len(f.Properties) < maxProperties {
			f.Properties[k] = v
		}
	}
	return f
}

func (u *upload) create(ctx context.Context, content *content, media []googleapi.MediaOption) (*drive.File, error) {
	f := u.metadata()
	f.Id, f.Name, f.Parents = u.id, u.name, []string{u.parent}
	file, err := u.d.api.Files.Create(f).Media(content, media...).SupportsAllDrives(true).Fields(fileFields).Context(ctx).Do()
	_ = u.d.count(opCreate, err)
	if err == nil || isAnswer(err) {
		u.d.ids.release(u.parent, u.name)
	}
	switch {
	case err == nil:
		return file, nil
	case hasStatus(err, http.StatusConflict):
		return u.made(ctx, content)
	case isMissing(err):
		return nil, u.d.gone("storing", err)
	}
	return nil, u.d.failed(ctx, accessAdd, "storing", err)
}

// isAnswer reports whether the server refused a request, and so has not done it.
func isAnswer(err error) bool {
	var answer *googleapi.Error
	return errors.As(err, &answer) && answer.Code < http.StatusInternalServerError
}

// made returns the file that another try made with the ID, if it has this content.
// What else has the ID is found, and updated, by the next attempt.
func (u *upload) made(ctx context.Context, content *content) (*drive.File, error) {
	file, err := u.d.api.Files.Get(u.id).SupportsAllDrives(true).Fields(fileFields).Context(ctx).Do()
	if u.d.count(opGet, err) != nil {
		return nil, u.d.failed(ctx, accessFile, "looking at what was stored", err)
	}
	if err := u.verify(file, content); err != nil {
		return nil, fmt.Errorf("the file was made by another try: %w", err)
	}
	return file, nil
}

func (u *upload) update(ctx context.Context, content *content, media []googleapi.MediaOption) (*drive.File, error) {
	file, err := u.d.api.Files.Update(u.held.Id, u.metadata()).Media(content, media...).SupportsAllDrives(true).Fields(fileFields).Context(ctx).Do()
	if u.d.count(opUpdate, err) != nil {
		return nil, u.d.failed(ctx, accessFile, "storing", err)
	}
	return file, nil
}

// verify compares what Drive holds with what was read.
func (u *upload) verify(file *drive.File, content *content) error {
	want := hex.EncodeToString(content.sum())
	switch {
	case !content.whole():
		return fmt.Errorf("%w: not everything was read", errUnverified)
	case file.Md5Checksum != want || file.Size != content.n:
		return fmt.Errorf("%w: %s has %d bytes with the MD5 %q, and %d with %q were expected", errUnverified, file.Id, file.Size, file.Md5Checksum, content.n, want)
	case file.Trashed:
		return fmt.Errorf("%w: its folder is in the trash", errUnverified)
	case file.Name != u.name:
		return ingest.Permanent(fmt.Errorf("%w: %q: the server calls it %q", ErrName, u.name, file.Name))
	}
	return nil
}

// discard undoes an upload that failed verification: a new file is deleted, or moved
// to the trash where no more is allowed; a file that was updated is given back its
// previous revision, or is moved to the trash.
func (u *upload) discard(ctx context.Context, file *drive.File, failure error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if file.Trashed {
		_ = u.d.gone("storing", failure)
	}
	var err error
	switch {
	case u.held == nil:
		err = u.d.api.Files.Delete(file.Id).SupportsAllDrives(true).Context(ctx).Do()
	case file.HeadRevisionId != u.held.HeadRevisionId && file.HeadRevisionId != "":
		err = u.d.api.Revisions.Delete(file.Id, file.HeadRevisionId).Context(ctx).Do()
	default:
		err = errors.New("it has no revision of its own")
	}
	if u.d.count(opDelete, err) == nil || isMissing(err) {
		return failure
	}
	_, err = u.d.api.Files.Update(file.Id, &drive.File{Trashed: true}).SupportsAllDrives(true).Fields("id").Context(ctx).Do()
	if u.d.count(opUpdate, err) != nil {
		// It must not decide what becomes of the message.
		return fmt.Errorf("%w; then moving it to the trash: %v", failure, withoutURL(err)) //nolint:errorlint // see above
	}
	return failure
}
