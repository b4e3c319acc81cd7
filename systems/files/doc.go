// Package files makes folders of the local machine, and whatever is mounted in
// them, a source and a destination: the input, the processor and the output
// ingest_files. Importing the package registers them.
//
// Everything beneath a folder is reached through an os.Root, so that no name and
// no symbolic link leads out of it.
package files
