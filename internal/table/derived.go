package table

import "sync"

const (
	// maxTexts bounds how many statements are remembered for each use of a table.
	maxTexts = 64
	// maxText is the longest that is remembered, in bytes.
	maxText = 4096
)

// Derived is a statement of ours that follows from one of the application's: the same
// text for the same table always gives the same one. Its arguments are the application's
// but for the first Skip of them.
type Derived struct {
	Query string
	Skip  int
	Rows  bool // the application wants rows
}

// Derivations remembers derived statements by the application's text. The zero value is
// ready, and safe for concurrent use.
type Derivations struct {
	mu    sync.RWMutex
	known map[string]Derived
}

// Get is the statement that was put for a text.
func (x *Derivations) Get(query string) (Derived, bool) {
	x.mu.RLock()
	d, ok := x.known[query]
	x.mu.RUnlock()
	return d, ok
}

// Put remembers a statement, unless the text is very long.
func (x *Derivations) Put(query string, d Derived) {
	if len(query) > maxText {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.known == nil || len(x.known) >= maxTexts {
		x.known = map[string]Derived{}
	}
	x.known[query] = d
}
