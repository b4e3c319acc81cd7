// Package s3 makes S3, and whatever speaks its protocol, a source and a
// destination: the input, the processor and the output ingest_s3. Importing the
// package registers them.
package s3
