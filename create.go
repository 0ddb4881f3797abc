package auditplugin

import (
	"errors"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/replay"
)

// errNoLastInsertID is what pgx says; a statement run as a query says the same.
var errNoLastInsertID = errors.New("LastInsertId is not supported by this driver")

func (j *job) lastInsertErr() error {
	if j.p.server.Dialect == "postgres" {
		return errNoLastInsertID
	}
	return nil
}

// create captures an INSERT. What was stored is what the database returns, or what
// is read back by key: never the struct.
func (j *job) create() (outcome, error) {
	oc, upsert := j.db.Statement.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	insert, _ := j.db.Statement.Clauses["INSERT"].Expression.(clause.Insert)
	replacing := strings.Contains(strings.ToUpper(insert.Modifier), "REPLACE")
	if upsert || replacing {
		return j.upsert(oc)
	}
	if j.returnsInserted() || j.onlyReturned() {
		if p := j.sentAsStored(); p != nil {
			if query, ok := j.withReturning(p.returned); ok {
				return j.insertAsSent(query, p)
			}
		}
		if query, ok := j.withReturning(j.t); ok {
			return j.insertReturning(query)
		}
	}
	out, err := j.plain()
	if err != nil {
		return out, err
	}
	images, err := j.inserted(out)
	if err != nil && j.refreshed(err) {
		images, err = j.inserted(out)
	}
	if err != nil {
		return out, err
	}
	for _, img := range images {
		j.changed(j.t, nil, img)
	}
	return out, nil
}

func (j *job) insertReturning(query string) (outcome, error) {
	set, err := j.queryUser(query, j.args, len(j.t.cols))
	if err != nil {
		return j.partial(set), err
	}
	theirs, added := split(set, len(j.t.cols))
	for _, raw := range added {
		j.changed(j.t, nil, j.t.normalise(raw))
	}
	return j.insertOutcome(theirs, int64(len(added)))
}

// partial is what a statement returned before it failed: MariaDB sends the first
// rows of an INSERT or DELETE whose later row is refused, and GORM fills them in.
func (j *job) partial(set *replay.Set) outcome {
	if set == nil || !j.wantRows {
		return outcome{}
	}
	theirs, _ := split(set, len(j.t.cols))
	return outcome{rows: theirs}
}

// insertOutcome answers as the INSERT itself would have.
func (j *job) insertOutcome(theirs *replay.Set, affected int64) (outcome, error) {
	if j.wantRows {
		return outcome{rows: theirs}, nil
	}
	res := result{affected: affected, lastErr: j.lastInsertErr()}
	if j.p.server.Dialect == "sqlite" && (j.op == opCreate && j.db.Statement.Schema == nil || j.db.Statement.Result != nil) {
		id, err := queryInt(j.ctx, j.state.conn, "SELECT last_insert_rowid()")
		if err != nil {
			return outcome{}, j.auditError(err)
		}
		res.lastID = id
	}
	return outcome{result: res}, nil
}

// returnsInserted reports whether INSERT … RETURNING serves here.
func (j *job) returnsInserted() bool {
	if j.p.cfg.portable || len(j.t.cols) == 0 {
		return false
	}
	switch s := j.p.server; s.Dialect {
	case "postgres":
		return !j.t.tbl.HasRules
	case "sqlite":
		return s.AtLeast(3, 35, 0) && j.t.tbl.Kind == catalog.Plain
	case "mysql":
		// Run as a query, MariaDB does not tell the generated id: only where GORM
		// itself asks for rows.
		return s.MariaDB && s.AtLeast(10, 5, 0) && j.wantRows && j.t.tbl.Kind == catalog.Plain
	}
	return false
}

// onlyReturned reports whether nothing but RETURNING tells the new rows' keys, so
// that even the portable path must use it: PostgreSQL has no LastInsertId.
func (j *job) onlyReturned() bool {
	if j.p.server.Dialect != "postgres" || j.wantRows || j.t.tbl.HasRules {
		return false
	}
	vals, _ := j.db.Statement.Clauses["VALUES"].Expression.(clause.Values)
	_, known := j.insertedKeys(vals, outcome{})
	return !known
}

// inserted finds the rows that a plain INSERT stored.
func (j *job) inserted(out outcome) ([]image, error) {
	t := j.t
	vals, _ := j.db.Statement.Clauses["VALUES"].Expression.(clause.Values)
	tuples, ok := j.insertedKeys(vals, out)
	if !ok || len(t.key) == 0 {
		j.note("image", "sent")
		return j.sent(vals, out), nil
	}
	rows, err := j.readBy(t, t.keyNames(), tuples, j.readLock())
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]image, len(rows))
	order := make([]image, 0, len(rows))
	for _, r := range rows {
		byKey[t.identity(r.image)] = r.image
		order = append(order, r.image)
	}
	// In the order of VALUES, where that can be told.
	sorted := make([]image, 0, len(rows))
	for _, tuple := range tuples {
		key := make(image, len(t.cols))
		for i, k := range t.key {
			key[k] = t.rules[k].Normalise(tuple[i])
		}
		if img, ok := byKey[t.identity(key)]; ok {
			sorted = append(sorted, img)
			delete(byKey, t.identity(key))
		}
	}
	if len(sorted) != len(order) {
		return order, nil
	}
	return sorted, nil
}

// insertedKeys returns the keys of the inserted rows: as the database returned
// them, as they were sent, or as LastInsertId counts them.
func (j *job) insertedKeys(vals clause.Values, out outcome) ([][]any, bool) {
	t := j.t
	if out.rows != nil {
		if tuples, ok := returnedKeys(t, out.rows); ok {
			return tuples, true
		}
	}
	at := make([]int, len(t.key))
	generated := -1
	for i, k := range t.key {
		at[i] = -1
		for n, c := range vals.Columns {
			if c.Name == t.cols[k].Name {
				at[i] = n
			}
		}
		if at[i] < 0 {
			if generated >= 0 {
				return nil, false
			}
			generated = i
		}
	}
	rows := vals.Values
	if len(vals.Columns) == 0 {
		rows = [][]any{nil}
	}
	next, ok := j.firstGenerated(out, len(rows))
	step := int64(0) // not known yet
	tuples := make([][]any, 0, len(rows))
	for _, v := range rows {
		tuple := make([]any, len(t.key))
		for i := range t.key {
			var value any
			if at[i] >= 0 {
				value = v[at[i]]
			}
			if at[i] < 0 || isExpression(value) {
				if !ok || !j.autoIncrement(t.key[i]) {
					return nil, false
				}
				if step == 0 {
					if step, ok = j.incrementOf(len(rows)); !ok {
						return nil, false
					}
				}
				value = next
				next += step
			}
			tuple[i] = value
		}
		tuples = append(tuples, tuple)
	}
	return tuples, true
}

// incrementOf is by how much the generated keys of one statement differ. Servers that
// replicate each other have it larger than 1, and take turns.
func (j *job) incrementOf(rows int) (int64, bool) {
	if rows < 2 || j.p.server.Dialect != "mysql" {
		return 1, true
	}
	n, err := queryInt(j.ctx, j.state.conn, "SELECT @@auto_increment_increment")
	return n, err == nil && n > 0
}

func (j *job) autoIncrement(at int) bool {
	c, ok := j.t.tbl.Column(j.t.cols[at].Name)
	return ok && c.AutoIncrement
}

// firstGenerated is the first key that the database made up. MySQL reports the
// first of a statement's, SQLite the last.
func (j *job) firstGenerated(out outcome, rows int) (int64, bool) {
	if out.result == nil {
		return 0, false
	}
	id, err := out.result.LastInsertId()
	if err != nil || id == 0 {
		return 0, false
	}
	if j.p.server.Dialect == "sqlite" {
		id -= int64(rows) - 1
	}
	return id, true
}

func returnedKeys(t *target, set *replay.Set) ([][]any, bool) {
	at := make([]int, len(t.key))
	for i, k := range t.key {
		at[i] = -1
		for n, c := range set.Columns {
			if c.Name == t.cols[k].Name {
				at[i] = n
			}
		}
		if at[i] < 0 {
			return nil, false
		}
	}
	tuples := make([][]any, len(set.Rows))
	for r, raw := range set.Rows {
		tuples[r] = make([]any, len(at))
		for i, n := range at {
			tuples[r][i] = param(t.rules[t.key[i]].Normalise(raw[n]), raw[n])
		}
	}
	return tuples, len(at) > 0
}

// sent makes images of the values that were sent, for rows that can not be found
// again. Columns the database filled are not in them.
func (j *job) sent(vals clause.Values, out outcome) []image {
	t := j.t
	if len(t.cols) == 0 {
		return nil
	}
	rows := vals.Values
	if len(vals.Columns) == 0 {
		rows = [][]any{nil} // DEFAULT VALUES
	}
	affected := int64(len(rows))
	if out.result != nil {
		if n, err := out.result.RowsAffected(); err == nil {
			affected = min(affected, n)
		}
	}
	images := make([]image, 0, affected)
	for _, v := range rows[:affected] {
		img := make(image, len(t.cols))
		for i, c := range vals.Columns {
			if at, ok := t.index[c.Name]; ok && !isExpression(v[i]) {
				img[at] = t.rules[at].Normalise(v[i])
			}
		}
		images = append(images, img)
	}
	return images
}
