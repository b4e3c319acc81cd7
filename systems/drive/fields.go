package drive

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"google.golang.org/api/googleapi"
)

const (
	fieldCredentialsFile = "credentials_file"
	fieldCredentialsJSON = "credentials_json"
	fieldAPIKey          = "api_key"
	fieldFolder          = "folder"
	fieldFolderID        = "folder_id"
	fieldSharedDrive     = "shared_drive"
	fieldSubFolders      = "sub_folders"
	fieldChunkSize       = "chunk_size"
	fieldChunkMemory     = "chunk_memory"
	fieldEndpoint        = "endpoint"

	defaultEndpoint    = "https://www.googleapis.com"
	defaultChunkSize   = 8 << 20
	defaultChunkMemory = 128 << 20
)

// fields configure the output. The lint rules let empty values pass: they stand for
// variables of the environment that are not set while a configuration is linted.
func fields() []*service.ConfigField {
	return []*service.ConfigField{
		service.NewStringField(fieldCredentialsFile).
			Description("The path of a JSON file with the credentials of a service account, or of a user (`gcloud auth application-default login` makes one). Without any credentials, those that Google's tools use by default are looked for: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, those of gcloud, and those of the machine.").
			Default("").
			Example("/etc/ingest/service-account.json"),
		service.NewStringField(fieldCredentialsJSON).
			Description("The contents of such a file, in place of its path: in one line, and in single quotes where it comes from a variable.").
			Default("").Secret(),
		service.NewStringField(fieldAPIKey).
			Description("An API key, in place of credentials. Google takes no uploads with an API key alone; it is for other servers that speak the protocol.").
			Default("").Secret().Advanced(),
		service.NewStringField(fieldFolder).
			Description("The path of the folder that objects go to, from `" + fieldFolderID + "` or `" + fieldSharedDrive + "` where one of these is set. Otherwise the first part of the path is a folder that was shared with the account or, where none of that name was, one in My Drive. Folders that are missing are created.").
			Default("").
			Example("backups/2026").
			LintRule(`root = if this.trim("/").contains("//") { [ "a folder without a name is in the path" ] }`),
		service.NewStringField(fieldFolderID).
			Description("The ID of a folder, which is the last part of its address in the browser.").
			Default(""),
		service.NewStringField(fieldSharedDrive).
			Description("The ID of a shared drive.").
			Default(""),
		service.NewBoolField(fieldSubFolders).
			Description("Make a folder of each part of a name before a slash. If not, the slashes stay in the name of the file, which Drive allows.").
			Default(true).Advanced(),
		service.NewIntField(fieldChunkSize).
			Description("How many bytes are uploaded with one request: a multiple of 262144 (256 KiB). An upload that is interrupted goes on in the middle of a chunk. Smaller objects are sent whole.").
			Default(defaultChunkSize).Advanced().
			LintRule(`root = if this < 262144 || this % 262144 != 0 { [ "a multiple of 262144 (256 KiB) was expected" ] }`),
		service.NewIntField(fieldChunkMemory).
			Description("How many bytes this output may hold in memory, over all objects. It is at least one chunk.").
			Default(defaultChunkMemory).Advanced().
			LintRule(`root = if this < 1 { [ "at least 1 was expected" ] }`),
		service.NewStringField(fieldEndpoint).
			Description("The URL of the server.").
			Default(defaultEndpoint).Advanced().
			LintRule(`root = if this != "" && !this.re_match("^https?://[^/]+/?$") { [ "a URL such as http://localhost:8080 was expected" ] }`),
	}
}

// config is what the fields say.
type config struct {
	credentials                             []byte
	apiKey, folderID, sharedDrive, endpoint string
	folder                                  []string
	subFolders                              bool
	chunkSize, chunkMemory                  int
}

func configFromParsed(conf *service.ParsedConfig) (c config, err error) {
	var file, content, folder string
	for field, into := range map[string]*string{
		fieldCredentialsFile: &file,
		fieldCredentialsJSON: &content,
		fieldAPIKey:          &c.apiKey,
		fieldFolder:          &folder,
		fieldFolderID:        &c.folderID,
		fieldSharedDrive:     &c.sharedDrive,
		fieldEndpoint:        &c.endpoint,
	} {
		if *into, err = conf.FieldString(field); err != nil {
			return c, err
		}
	}
	for field, into := range map[string]*int{fieldChunkSize: &c.chunkSize, fieldChunkMemory: &c.chunkMemory} {
		if *into, err = conf.FieldInt(field); err != nil {
			return c, err
		}
	}
	if c.subFolders, err = conf.FieldBool(fieldSubFolders); err != nil {
		return c, err
	}
	if c.credentials, err = readCredentials(file, content, c.apiKey); err != nil {
		return c, err
	}
	if folder = strings.Trim(folder, "/"); folder != "" {
		c.folder = strings.Split(folder, "/")
	}
	return c, c.validate()
}

func readCredentials(file, content, apiKey string) ([]byte, error) {
	given := 0
	for _, value := range []string{file, content, apiKey} {
		if value != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, fmt.Errorf("fields %s, %s and %s: only one of them was expected", fieldCredentialsFile, fieldCredentialsJSON, fieldAPIKey)
	case file == "":
		return []byte(content), nil
	}
	read, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("field %s: %w", fieldCredentialsFile, err)
	}
	return read, nil
}

func (c *config) validate() error {
	for _, name := range c.folder {
		if err := checkSegment(name); err != nil {
			return fmt.Errorf("field %s: %w", fieldFolder, err)
		}
	}
	if c.chunkSize < googleapi.MinUploadChunkSize || c.chunkSize%googleapi.MinUploadChunkSize != 0 {
		return fmt.Errorf("field %s: a multiple of %d was expected", fieldChunkSize, googleapi.MinUploadChunkSize)
	}
	u, err := url.Parse(c.endpoint)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		err = errors.New("a URL such as http://localhost:8080 was expected")
	}
	if err != nil {
		return fmt.Errorf("field %s: %w", fieldEndpoint, err)
	}
	c.endpoint = strings.TrimSuffix(c.endpoint, "/")
	return nil
}
