// Package queue is the durable work queue between enqueuers and dequeuers, on
// NATS JetStream.
//
// Every element has a subject of its own, <subject>.<hash of its ID>, and the
// stream holds at most one message a subject, so an element is queued once
// however often it is scanned. Messages are given back with a delay, counted by
// failed attempts rather than deliveries, and end in a stream of dead letters.
package queue
