package auditplugin

import "sync"

const (
	// maxTexts bounds how many statements are remembered for each use of a target.
	maxTexts = 64
	// maxText is the longest that is remembered, in bytes.
	maxText = 4096
)

// derived is a statement of ours that follows from one of the application's: the same
// text for the same target always gives the same one. Its arguments are the
// application's but for the first skip of them.
type derived struct {
	query string
	skip  int
	rows  bool // the application wants rows
}

// texts remembers derived statements by the application's text.
type texts struct {
	mu    sync.RWMutex
	known map[string]derived
}

func (x *texts) get(query string) (derived, bool) {
	x.mu.RLock()
	d, ok := x.known[query]
	x.mu.RUnlock()
	return d, ok
}

func (x *texts) put(query string, d derived) {
	if len(query) > maxText {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.known == nil || len(x.known) >= maxTexts {
		x.known = map[string]derived{}
	}
	x.known[query] = d
}
