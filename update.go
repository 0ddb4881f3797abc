package auditplugin

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// update captures an UPDATE: the portable way, or on PostgreSQL in one statement.
func (j *job) update() (outcome, error) {
	names := assignedNames(j.assignments())
	how := cascade{columns: names}
	if !j.cascades(j.t, how) && !j.joins() {
		j.t = j.t.narrowed(names, j.db.Statement)
		if j.singleStatement(names) {
			return j.updateSingle(names)
		}
		if j.keepsKeys(names) {
			return j.updateKeyed(names)
		}
	}
	if err := j.refuseChance(); err != nil {
		return outcome{}, err
	}
	if err := j.takeWriteLock(); err != nil {
		return outcome{}, err
	}
	before, next, err := j.readBefore(names)
	if err != nil {
		return outcome{}, err
	}
	cs, err := j.findChildren(j.t, before, how)
	if err != nil {
		return outcome{}, err
	}
	out, err := j.plain()
	if err != nil {
		return out, err
	}
	if err := j.checkGap(out, len(before)); err != nil {
		return out, err
	}
	after, err := j.readAfter(next)
	if err != nil {
		return out, err
	}
	return out, j.finishChildren(cs, j.pair(before, next, after))
}

// successor tells where a row will be found after the update, or what it will be.
type successor struct {
	key   []any // parameters of its key
	id    string
	image image // computed, for tables without a key
}

// readBefore reads the rows the UPDATE will change and where they go.
func (j *job) readBefore(names []string) ([]row, []successor, error) {
	t, stmt := j.t, j.db.Statement
	columns := slices.Clone(t.qualified)
	sel := selection{lock: j.lockFor(t, t.keysChange(names))}
	rowid := j.p.server.Dialect == "sqlite" && len(t.key) == 0 && !t.tbl.WithoutRowID && t.tbl.Kind == catalog.Plain
	if rowid {
		columns = append(columns, quoteIdent(stmt, t.ref.alias)+".rowid")
	}
	// Values that are expressions are evaluated by the database on the row as it
	// is now, which is what the UPDATE will do.
	needed := t.key
	if len(t.key) == 0 && !rowid {
		needed = t.all()
	}
	exprAt := map[int]int{}
	literal := map[int]any{}
	for _, a := range j.assignments() {
		i, ok := t.index[columnName(a)]
		if !ok || !slices.Contains(needed, i) {
			continue
		}
		if isExpression(a.Value) {
			exprAt[i] = len(sel.exprs)
			sel.exprs = append(sel.exprs, assigned{a.Value})
		} else {
			literal[i] = a.Value
		}
	}
	sel.columns = strings.Join(columns, ",")
	query, args := j.selectRows(sel)
	raw, err := j.read(query, args)
	if err != nil {
		return nil, nil, err
	}
	before := dedupe(t, j.rows(t, raw))
	next := make([]successor, len(before))
	for n, b := range before {
		img := slices.Clone(b.image)
		rawNext := slices.Clone(b.raw)
		for i, at := range exprAt {
			rawNext[i] = b.raw[len(columns)+at]
			img[i] = t.rules[i].Normalise(rawNext[i])
		}
		for i, v := range literal {
			rawNext[i] = v
			img[i] = t.rules[i].Normalise(v)
		}
		switch {
		case rowid:
			next[n] = successor{key: []any{b.raw[len(t.cols)]}, id: values.KeyText(b.raw[len(t.cols)])}
		case len(t.key) == 0:
			next[n] = successor{image: img}
		default:
			next[n] = successor{key: keyParams(t, img, rawNext), id: t.identity(img)}
		}
	}
	if len(before) > 0 && next[0].image != nil {
		j.note("image", "computed")
	}
	return before, next, nil
}

// readAfter reads the changed rows back, by what they are known as now.
func (j *job) readAfter(next []successor) (map[string]image, error) {
	t := j.t
	after := make(map[string]image, len(next))
	if len(next) == 0 || next[0].image != nil {
		return after, nil
	}
	tuples := make([][]any, len(next))
	for i, n := range next {
		tuples[i] = n.key
	}
	if len(t.key) == 0 {
		return after, j.readByRowID(tuples, after)
	}
	rows, err := j.readBy(t, t.keyNames(), tuples, j.readLock())
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		after[t.identity(r.image)] = r.image
	}
	return after, nil
}

// pair compares the rows with what they were. It returns what became of them by
// their former identity.
func (j *job) pair(before []row, next []successor, after map[string]image) map[string]parent {
	parents := make(map[string]parent, len(before))
	for i, b := range before {
		img := next[i].image
		if img == nil {
			img = after[next[i].id]
		}
		if img != nil && sameImage(b.image, img) {
			continue
		}
		parents[j.t.identity(b.image)] = parent{record: j.changed(j.t, b.image, img).id, after: img}
	}
	return parents
}

func (j *job) readByRowID(tuples [][]any, into map[string]image) error {
	for len(tuples) > 0 {
		n := min(len(tuples), keyBatch)
		s := j.scratch()
		s.Vars = nil
		write(s, "SELECT ", strings.Join(j.t.bare, ","), ",rowid FROM ", tableSQL(s, j.t.ref), " WHERE ")
		writeIn(s, []string{"rowid"}, tuples[:n])
		raw, err := j.read(s.SQL.String(), s.Vars)
		if err != nil {
			return err
		}
		for _, r := range raw {
			into[values.KeyText(r[len(j.t.cols)])] = j.t.normalise(r)
		}
		tuples = tuples[n:]
	}
	return nil
}

// checkGap notices rows that another transaction put in the statement's way after
// the images were read: they changed without a before image.
func (j *job) checkGap(out outcome, captured int) error {
	var affected int64
	if out.rows != nil {
		affected = int64(len(out.rows.Rows))
	} else if out.result != nil {
		affected, _ = out.result.RowsAffected() // drivers that can not count say 0
	}
	if affected <= int64(captured) || !j.ref.simple || j.t.tbl.Kind == catalog.View {
		return nil
	}
	return fmt.Errorf("%w: %s of %s (table %s): %d rows changed but only %d were there when their images were read",
		ErrAuditFailed, j.op, j.model.recordType, j.ref.name, affected, captured)
}

// singleStatement reports whether PostgreSQL can give both images with the UPDATE
// itself. The join must be 1:1, so only the database's own key will do.
func (j *job) singleStatement(names []string) bool {
	t := j.t
	if j.p.server.Dialect != "postgres" || j.p.server.Flavor != "" || j.p.cfg.portable || !t.exact || !j.ref.simple {
		return false
	}
	if t.tbl.Kind != catalog.Plain && t.tbl.Kind != catalog.Partitioned {
		return false
	}
	if !t.tbl.CanSelect || !t.tbl.CanLock || t.tbl.HasRules || len(names) == 0 {
		return false
	}
	c := j.db.Statement.Clauses
	for _, name := range []string{"FROM", "ORDER BY", "LIMIT"} {
		if _, ok := c[name]; ok {
			return false
		}
	}
	if u, ok := c["UPDATE"].Expression.(clause.Update); ok && (u.Modifier != "" || u.Table.Name != "") {
		return false
	}
	return true
}

// oldPrefix names the before image's columns so that nothing in the application's
// expressions can mean them by accident.
const oldPrefix = "auditplugin_old"

func (j *job) updateSingle(names []string) (outcome, error) {
	query, args, err := j.singleSQL(names)
	if err != nil {
		return outcome{}, err
	}
	t := j.t
	n, affected := len(t.cols), int64(0)
	both := make(image, 2*n)
	before, after := both[:n], both[n:]
	note := func(raw []any) error {
		affected++
		t.normaliseInto(before, raw[:n])
		copy(after, before)
		for i, at := range t.single.after {
			after[at] = t.rules[at].Normalise(raw[n+i])
		}
		if !sameImage(before, after) {
			j.log.note(t, before, after)
		}
		return nil
	}
	width := n + len(t.single.after)
	if !j.wantRows {
		err := j.streamUser(query, args, width, note)
		return outcome{result: result{affected: affected, lastErr: j.lastInsertErr()}}, err
	}
	theirs, added, err := j.queryAdded(query, args, width)
	if err != nil {
		return outcome{}, err
	}
	for _, raw := range added {
		_ = note(raw) // it can not fail
	}
	return outcome{rows: theirs}, nil
}

// singleSQL is the UPDATE that gives both images, and its arguments.
func (j *job) singleSQL(names []string) (string, []any, error) {
	t := j.t
	if d, ok := t.standing.get(j.query); ok && d.rows == j.wantRows {
		return d.query, j.args, nil
	}
	returning, ok := j.returningText()
	if !ok {
		return "", nil, fmt.Errorf("%w: update of %s: its RETURNING clause is not GORM's", ErrAuditFailed, t.recordType)
	}
	s := j.scratch()
	build(s, "UPDATE", "SET")
	write(s, " FROM (SELECT ", t.single.before, " FROM ")
	s.WriteQuoted(clause.Table{Name: clause.CurrentTable})
	build(s, "WHERE")
	write(s, j.lockFor(t, t.keysChange(names)), ") ", t.single.join, " RETURNING ")
	if returning != "" {
		list := strings.TrimPrefix(returning, "RETURNING ")
		if list == "*" {
			list = quoteIdent(s, t.ref.alias) + ".*"
		}
		write(s, list, ",")
	}
	write(s, t.single.images)
	query := strings.TrimSpace(s.SQL.String())
	if sameArguments(j.args, s.Vars) {
		t.standing.put(j.query, derived{query: query, rows: j.wantRows})
	}
	return query, s.Vars, nil
}

// singleSQL is what updateSingle is put together from: the before images' columns,
// the join with them, and both images' columns. Of the after images it has those at
// the given positions.
type singleSQL struct {
	before, join, images string
	after                []int
}

func (t *target) singleTexts(s *gorm.Statement) singleSQL {
	old := quoteIdent(s, oldPrefix)
	column := func(i int) string { return fmt.Sprintf("auditplugin_o%d", i) }
	var before, join, images []string
	var after []int
	for i, c := range t.qualified {
		before = append(before, c+" AS "+column(i))
		images = append(images, old+"."+column(i))
	}
	for _, k := range t.key {
		join = append(join, t.qualified[k]+"="+old+"."+column(k))
	}
	for i, c := range t.qualified {
		if !t.keyStays || !slices.Contains(t.key, i) {
			images, after = append(images, c), append(after, i)
		}
	}
	return singleSQL{
		after:  after,
		before: strings.Join(before, ","),
		join:   old + " WHERE " + strings.Join(join, " AND "),
		images: strings.Join(images, ","),
	}
}

func sameImage(a, b image) bool {
	for i := range a {
		if !values.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// joins reports whether the statement's FROM names other tables.
func (j *job) joins() bool {
	from, _ := j.db.Statement.Clauses["FROM"].Expression.(clause.From)
	return len(from.Joins) > 0 || len(from.Tables) > 0
}

// keysChange reports whether the assigned columns belong to a unique key, so that
// PostgreSQL takes the stronger lock.
func (t *target) keysChange(names []string) bool {
	return slices.ContainsFunc(t.tbl.Uniques, func(unique []string) bool {
		return slices.ContainsFunc(unique, func(c string) bool { return slices.Contains(names, c) })
	})
}
