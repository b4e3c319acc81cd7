// Package host finds plugins, runs them, and makes sources and destinations of
// them that are as if they were in this process.
//
// There is one process for each executable. When it ends, what is in flight fails
// and is tried again, and the next use starts it anew, after a pause that grows
// with each failure.
package host
