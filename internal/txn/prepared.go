package txn

import (
	"database/sql"
	"runtime"
	"sync"
	"weak"
)

// preparedTexts keeps the SQL of prepared statements that a transaction must
// notice. Entries go when their statement is collected.
type preparedTexts struct {
	texts sync.Map // weak.Pointer[sql.Stmt] → string
}

func (f *Follower) remember(stmt *sql.Stmt, query string) {
	if stmt == nil || !f.noteworthy(query) {
		return
	}
	key := weak.Make(stmt)
	f.prepared.texts.Store(key, query)
	runtime.AddCleanup(stmt, func(k weak.Pointer[sql.Stmt]) { f.prepared.texts.Delete(k) }, key)
}

func (m *preparedTexts) text(stmt *sql.Stmt) (string, bool) {
	v, ok := m.texts.Load(weak.Make(stmt))
	if !ok {
		return "", false
	}
	return v.(string), true
}
