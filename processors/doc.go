// Package processors turns Clients into Benthos processors.
package processors
