// Package workflow reads files of sources, destinations and workflows, and
// compiles them to Benthos pipelines: for each workflow one that scans the source
// and queues what it finds, and one that moves what is queued to the destinations.
//
// The values of a file may hold variables of the environment, $NAME and ${NAME}.
// Pipelines that are printed keep them as ${NAME}.
package workflow
