package drive

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/api/drive/v3"

	"github.com/ingest-bundle/ingest"
	"github.com/ingest-bundle/ingest/internal/finding"
)

var _ ingest.AccessTester = (*destination)(nil)

// TestAccess implements ingest.AccessTester. Drive tells what may be done in a
// folder; the last one of the path that is there is asked for.
func (d *destination) TestAccess(ctx context.Context, access ingest.Access, _ *ingest.Codec) error {
	folder, err := d.deepest(ctx)
	if err != nil {
		return d.explain(err)
	}
	may := folder.Capabilities
	if may == nil {
		return fmt.Errorf("%w: the server does not say what is allowed in folder %q", ingest.ErrNotTested, folder.Name)
	}
	switch access {
	case ingest.AccessPut:
		return denied(may.CanAddChildren, "adding files", folder)
	case ingest.AccessGet:
		return denied(may.CanListChildren, "listing files", folder)
	case ingest.AccessDelete:
		// In My Drive, everybody may delete the files that they made.
		return denied(folder.DriveId == "" || may.CanDeleteChildren || may.CanTrashChildren, "deleting files", folder)
	}
	return fmt.Errorf("%w: a destination has no use for %s", ingest.ErrNotTested, access)
}

func denied(allowed bool, doing string, folder *drive.File) error {
	if allowed {
		return nil
	}
	return finding.Mend(fmt.Errorf("%s is %w in folder %q", doing, ingest.ErrDenied, folder.Name),
		"give the account the role of an editor, or in a shared drive that of a content manager")
}

// explain says what to do about an error of looking at the folder.
func (d *destination) explain(err error) error {
	if mended := finding.Network(err, fieldEndpoint); mended != nil {
		return mended
	}
	switch {
	case isMissing(err):
		return finding.Mend(err, "share it with the account, or fix field %s or %s", fieldFolderID, fieldSharedDrive)
	case refusesCredentials(err):
		return finding.Mend(err, "fix field %s", strings.Join([]string{fieldCredentialsFile, fieldCredentialsJSON, fieldAPIKey}, ", "))
	}
	return finding.Mend(err, "see that the Google Drive API is enabled in the project that the credentials are of")
}
