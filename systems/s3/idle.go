package s3

import (
	"sync"
	"time"
)

// idleConns are the connections that are not in use.
type idleConns struct {
	timeout time.Duration

	mu    sync.Mutex
	conns map[string][]*directConn
	sweep *time.Timer
}

// take returns a connection that is still open, the one that was used last, or nil.
func (i *idleConns) take(host string) *directConn {
	for {
		i.mu.Lock()
		conns := i.conns[host]
		if len(conns) == 0 {
			i.mu.Unlock()
			return nil
		}
		conn := conns[len(conns)-1]
		i.conns[host] = conns[:len(conns)-1]
		i.mu.Unlock()
		// What came without having been asked for is not the answer to the next request.
		if isQuiet(conn.socket) {
			return conn
		}
		_ = conn.Close()
	}
}

func (i *idleConns) put(conn *directConn) {
	conn.since = time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.conns == nil {
		i.conns = map[string][]*directConn{}
	}
	i.conns[conn.host] = append(i.conns[conn.host], conn)
	if i.sweep == nil {
		i.sweep = time.AfterFunc(i.timeout, i.closeOld)
	}
}

// closeOld closes what was not used for the timeout.
func (i *idleConns) closeOld() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sweep = nil
	for host, conns := range i.conns {
		old := 0
		for old < len(conns) && time.Since(conns[old].since) >= i.timeout {
			_ = conns[old].Close()
			old++
		}
		if i.conns[host] = conns[old:]; old < len(conns) {
			i.sweep = time.AfterFunc(i.timeout, i.closeOld)
		}
	}
}
