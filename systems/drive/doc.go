// Package drive makes Google Drive a destination: the output ingest_drive.
// Importing the package registers it.
package drive
