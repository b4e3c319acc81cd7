// Package inputs turns Nexters and the queue into Benthos inputs.
package inputs
