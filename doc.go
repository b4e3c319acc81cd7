// Package ingest holds the contracts of a pipeline that moves objects from any
// API into object storage through a durable queue, and never loses one.
//
// A [Source] lists elements as [Codec] values and opens them as [Object]
// values, a [Destination] stores objects and proves what it holds, and a
// [Queue] lies between the two. Between a fetch processor and a store output an
// object travels as a [Handle], which can be opened again, never as a live
// reader.
//
// The package depends on no other package of this module.
package ingest
