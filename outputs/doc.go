// Package outputs turns Destinations and the queue into Benthos outputs, and
// holds the output that fans out.
package outputs
