// Package all imports every system, and with them their components.
package all

import (
	_ "github.com/ingest-bundle/ingest/systems/drive"  // ingest_drive
	_ "github.com/ingest-bundle/ingest/systems/files"  // ingest_files
	_ "github.com/ingest-bundle/ingest/systems/plugin" // ingest_plugin
	_ "github.com/ingest-bundle/ingest/systems/s3"     // ingest_s3
)
