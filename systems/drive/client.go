package drive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/redpanda-data/benthos/v4/public/service"
	"google.golang.org/api/drive/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/component"
)

const (
	dialTimeout = 5 * time.Second
	// idleConnections keeps a connection for each of the objects in flight.
	idleConnections = 128
	// idsAtOnce is how many IDs are asked for with one request.
	idsAtOnce = 100
	// firstPause is that before the second try of a request.
	firstPause = 500 * time.Millisecond

	folderType = "application/vnd.google-apps.folder"
	// rootAlias stands for the top of My Drive.
	rootAlias = "root"

	fileFields   = "id,name,mimeType,parents,size,md5Checksum,headRevisionId,createdTime,modifiedTime,trashed,appProperties"
	folderFields = "id,name,mimeType,trashed,driveId,capabilities(canAddChildren,canListChildren,canDeleteChildren,canTrashChildren)"
)

// The operations that are counted.
const (
	opFind   = "find"
	opList   = "list"
	opGet    = "get"
	opCreate = "create"
	opUpdate = "update"
	opDelete = "delete"
	opIDs    = "generate_ids"
)

// client speaks to Drive, for one place in it.
type client struct {
	config
	api   *drive.Service
	retry *retryTransport
	// byService says that the credentials are those of a service account.
	byService bool
	ops       *component.Counter
	log       *service.Logger
	ids       *ids
	// top is the folder that paths begin at, once it was looked at, and
	// folders has the IDs of those beneath it, by their path.
	top     atomic.Pointer[drive.File]
	folders *lru.Cache[string, string]
}

func newClient(conf config, res *service.Resources) (*client, error) {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	base.MaxIdleConns = 0
	base.MaxIdleConnsPerHost = idleConnections
	authorized, kind, err := newAuthorized(&conf, &component.ProgressTransport{Next: base})
	if err != nil {
		return nil, err
	}
	c := &client{
		config:    conf,
		retry:     &retryTransport{next: authorized, first: firstPause},
		byService: kind == serviceAccount,
		ops:       component.NewCounter("ingest_google_drive_client_operations_total", res.Metrics(), "operation", "result"),
		log:       res.Logger(),
	}
	c.ops.Zero([]string{opFind, opList, opGet, opCreate, opUpdate, opDelete, opIDs}, component.Results)
	if c.ids, err = newIDs(c.generateIDs); err != nil {
		return nil, err
	}
	if c.folders, err = lru.New[string, string](knownFolders); err != nil {
		return nil, err
	}
	endpoint, err := url.Parse(conf.endpoint)
	if err != nil {
		return nil, fmt.Errorf("field %s: %w", fieldEndpoint, err)
	}
	c.api, err = drive.NewService(context.Background(),
		option.WithHTTPClient(&http.Client{Transport: &boundTransport{endpoint: endpoint, next: c.retry}}), option.WithEndpoint(conf.endpoint+"/drive/v3/"))
	return c, err
}

// count counts an operation by the error that it ended with, and returns that.
func (c *client) count(operation string, err error) error {
	c.ops.Incr(1, operation, component.Result(err))
	return err
}

// generateIDs asks for IDs of files that are still to be made.
func (c *client) generateIDs(ctx context.Context) ([]string, error) {
	answer, err := c.api.Files.GenerateIds().Count(idsAtOnce).Space("drive").Type("files").Context(ctx).Do()
	if err == nil && len(answer.Ids) == 0 {
		err = errNoIDs
	}
	if c.count(opIDs, err) != nil {
		return nil, c.failed(ctx, accessProbe, "asking for IDs", err)
	}
	return answer.Ids, nil
}

// topID is what the folder that paths begin at is asked for by.
func (c *client) topID() string {
	switch {
	case c.folderID != "":
		return c.folderID
	case c.sharedDrive != "":
		// The top of a shared drive has the drive's ID.
		return c.sharedDrive
	}
	return rootAlias
}

// getFolder returns a folder with what may be done in it.
func (c *client) getFolder(ctx context.Context, id string) (*drive.File, error) {
	f, err := c.api.Files.Get(id).SupportsAllDrives(true).Fields(folderFields).Context(ctx).Do()
	return f, c.count(opGet, err)
}

// lookAtTop looks at the folder that paths begin at.
func (c *client) lookAtTop(ctx context.Context) (*drive.File, error) {
	top, err := c.getFolder(ctx, c.topID())
	if err != nil {
		return nil, c.failed(ctx, accessProbe, fmt.Sprintf("asking for folder %q", c.topID()), err)
	}
	reason := ""
	switch {
	case top.MimeType != folderType:
		reason = "is no folder"
	case top.Trashed:
		reason = "is in the trash"
	case c.sharedDrive != "" && top.DriveId != c.sharedDrive:
		reason = "is not in the shared drive " + c.sharedDrive
	}
	if reason != "" {
		return nil, ingest.Misconfigured(fmt.Errorf("fields %s, %s: %s %s", fieldFolderID, fieldSharedDrive, c.topID(), reason))
	}
	c.top.Store(top)
	return top, nil
}

// topFolder returns the folder that paths begin at.
func (c *client) topFolder(ctx context.Context) (*drive.File, error) {
	if top := c.top.Load(); top != nil {
		return top, nil
	}
	return c.lookAtTop(ctx)
}

var (
	// errIncomplete says that a listing is not everything.
	errIncomplete = errors.New("the server did not search everything")
	errNoIDs      = errors.New("the server gave none")
)

// list returns everything with exactly the given name that a query finds, the
// oldest first. Drive's own comparison of names is not exact.
func (c *client) list(ctx context.Context, name, query string) ([]*drive.File, error) {
	top, err := c.topFolder(ctx)
	if err != nil {
		return nil, err
	}
	call := c.api.Files.List().
		Q("name = "+quote(name)+" and trashed = false and "+query).
		Fields("nextPageToken,incompleteSearch", googleapi.Field("files("+fileFields+")")).
		SupportsAllDrives(true).IncludeItemsFromAllDrives(true)
	if top.DriveId != "" {
		call.Corpora("drive").DriveId(top.DriveId)
	}
	var found []*drive.File
	err = call.Pages(ctx, func(page *drive.FileList) error {
		for _, f := range page.Files {
			if f.Name == name {
				found = append(found, f)
			}
		}
		if page.IncompleteSearch {
			return errIncomplete
		}
		return nil
	})
	doing := fmt.Sprintf("looking for %q", name)
	switch {
	case c.count(opList, err) == nil:
	case isMissing(err) && ctx.Err() == nil:
		return nil, c.gone(doing, err)
	default:
		return nil, c.failed(ctx, accessProbe, doing, err)
	}
	slices.SortFunc(found, older)
	return found, nil
}

// find returns the oldest of what list finds, or nil. Drive lets several files or
// folders of one folder have one name; the oldest is the one that every worker
// takes, at any time. The others are left alone.
func (c *client) find(ctx context.Context, name, query string, wanted func(*drive.File) bool) (*drive.File, error) {
	found, err := c.list(ctx, name, query)
	if c.count(opFind, err) != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(f *drive.File) bool { return !wanted(f) })
	if len(found) == 0 {
		return nil, nil
	}
	if len(found) > 1 {
		c.log.Warnf("%d items of one folder are called %q: the oldest is used, %s", len(found), name, found[0].Id)
	}
	return found[0], nil
}
