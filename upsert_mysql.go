package auditplugin

import (
	"encoding/hex"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// mysqlBefore is the user variable that collects before images while the statement
// runs: the first assignment of ON DUPLICATE KEY UPDATE sees each row as it was.
const mysqlBefore = "@auditplugin_before"

// upsertMySQL takes no lock ahead of the statement. A lock on a key that does not
// exist is a gap lock, and two of those deadlock.
func (j *job) upsertMySQL(oc clause.OnConflict) (outcome, error) {
	t, asked := j.t, oc
	vals, _ := j.db.Statement.Clauses["VALUES"].Expression.(clause.Values)
	at := j.assignable()
	if at < 0 {
		return j.upsertReadFirst(oc)
	}
	s := j.scratch()
	column := clause.Column{Name: t.cols[at].Name}
	name := quoteIdent(s, column.Name)
	rowText := "CONCAT('(',CONCAT_WS(','," + strings.Join(j.asHex(), ",") + "),')')"
	note := clause.Assignment{Column: column, Value: clause.Expr{
		SQL: "IF((" + mysqlBefore + " := CONCAT(IFNULL(" + mysqlBefore + ",'')," + rowText + ")) IS NULL," + name + "," + name + ")",
	}}
	oc.DoUpdates = append(clause.Set{note}, oc.DoUpdates...)
	oc.DoNothing = false
	c := s.Clauses["ON CONFLICT"]
	c.Name, c.Expression = "ON CONFLICT", oc
	s.Clauses = maps.Clone(s.Clauses)
	s.Clauses["ON CONFLICT"] = c
	build(s, "INSERT", "VALUES", "ON CONFLICT")
	query := strings.TrimSpace(s.SQL.String())

	if _, err := j.state.conn.ExecContext(j.ctx, "SET "+mysqlBefore+" = ''"); err != nil {
		j.state.failed(err)
		return outcome{}, j.auditError(err)
	}
	out, after, err := j.runUpsertMySQL(query, s.Vars)
	if err != nil {
		return out, err
	}
	raw, err := j.read("SELECT "+mysqlBefore, nil)
	if err != nil {
		return out, err
	}
	before, own, hits, err := j.parseHexRows(raw, vals, after...)
	if err != nil {
		return out, err
	}
	if after == nil {
		j.hex = true
		if after, err = j.readStored(vals, before, out); err != nil {
			return out, err
		}
		inserted := max(1, len(vals.Values)) - hits - len(own)
		after = j.withoutMet(asked, vals, before, own, after, inserted)
	}
	j.compare(before, after)
	return out, nil
}

// runUpsertMySQL runs the statement, with the stored rows returned where both the
// server can and GORM asked for rows.
func (j *job) runUpsertMySQL(query string, vars []any) (outcome, []row, error) {
	if !j.wantRows {
		out, err := j.execUser(query, vars)
		return out, nil, err
	}
	returning, ok := j.returningText()
	if !ok || returning == "" {
		return outcome{}, nil, j.auditError(errReturning)
	}
	query += " " + returning
	if !j.returnsInserted() {
		set, err := j.queryUser(query, vars, 0)
		return outcome{rows: set}, nil, err
	}
	set, err := j.queryUser(query+","+strings.Join(j.asHex(), ","), vars, len(j.t.cols))
	if err != nil {
		return j.partial(set), nil, err
	}
	theirs, added := split(set, len(j.t.cols))
	after := make([]row, 0, len(added))
	for _, raw := range added {
		after = append(after, j.fromHex(raw))
	}
	return outcome{rows: theirs}, after, nil
}

var errReturning = &quietError{text: "auditplugin: the RETURNING clause is not GORM's"}

// assignable is a column that may be assigned to itself: of the key if possible.
func (j *job) assignable() int {
	for _, k := range append(append([]int(nil), j.t.key...), j.t.all()...) {
		if c, ok := j.t.tbl.Column(j.t.cols[k].Name); !ok || !c.Generated {
			return k
		}
	}
	return -1
}

// asHex reads columns as hexadecimal digits of their text, which survives every
// character set; '~' is NULL.
func (j *job) asHex() []string {
	list := slices.Clone(j.t.bare)
	for i := range list {
		if isBinary(j.t.cols[i].DBType) {
			list[i] = "IFNULL(HEX(" + list[i] + "),'~')"
		} else {
			list[i] = "IFNULL(HEX(CONVERT(" + list[i] + " USING utf8mb4)),'~')"
		}
	}
	return list
}

func isBinary(dbType string) bool {
	return strings.HasSuffix(dbType, "BLOB") || strings.HasSuffix(dbType, "BINARY") || dbType == "BIT"
}

// parseHexRows reads what the variable collected. NULL means that it outgrew
// max_allowed_packet, after which nothing is known.
//
// after, where known, has one row for each row sent. Own are rows that the statement
// itself inserted, and met again; hits is how many of the rows that were sent met one.
func (j *job) parseHexRows(raw [][]any, vals clause.Values, after ...row) (before, own []row, hits int, err error) {
	if len(raw) != 1 || len(raw[0]) != 1 || raw[0][0] == nil {
		return nil, nil, 0, j.auditError(errOverflow)
	}
	text := textOf(raw[0][0])
	var rows []row
	for len(text) > 0 {
		end := strings.IndexByte(text, ')')
		if text[0] != '(' || end < 0 {
			return nil, nil, 0, j.auditError(errOverflow)
		}
		fields := strings.Split(text[1:end], ",")
		if len(fields) != len(j.t.cols) {
			return nil, nil, 0, j.auditError(errOverflow)
		}
		anys := make([]any, len(fields))
		for i, f := range fields {
			anys[i] = f
		}
		rows = append(rows, j.fromHex(anys))
		text = text[end+1:]
	}
	hits = len(rows)
	met := make(map[string]int, len(rows))
	for _, r := range rows {
		met[j.t.identity(r.image)]++
	}
	returned := make(map[string]int, len(after))
	for _, r := range after {
		returned[j.t.identity(r.image)]++
	}
	// The first image of a row that was hit twice is the one before the statement.
	rows = dedupe(j.t, rows)
	sent := j.sentTwice(vals)
	for _, r := range rows {
		// Hit once less than sent: the statement itself inserted it.
		if id := j.t.identity(r.image); met[id] < max(sent(r.image), returned[id]) {
			own = append(own, r)
		} else {
			before = append(before, r)
		}
	}
	return before, own, hits, nil
}

// sentTwice returns how often VALUES holds the unique keys of a row, 0 for once.
func (j *job) sentTwice(vals clause.Values) func(image) int {
	type counted struct {
		at     []int
		counts map[string]int
	}
	var all []counted
	for _, unique := range j.uniques() {
		at := positions(j.t, unique)
		tuples := tuplesOf(vals, unique)
		if at == nil || len(tuples) < 2 {
			continue
		}
		c := counted{at, make(map[string]int, len(tuples))}
		for _, tuple := range tuples {
			img := make(image, len(j.t.cols))
			for i, k := range at {
				img[k] = j.t.rules[k].Normalise(tuple[i])
			}
			if !hasNull(img, at) {
				c.counts[identityOf(img, at)]++
			}
		}
		all = append(all, c)
	}
	return func(img image) int {
		most := 0
		for _, c := range all {
			if n := c.counts[identityOf(img, c.at)]; n > 1 && !hasNull(img, c.at) {
				most = max(most, n)
			}
		}
		return most
	}
}

// hasNull reports whether the columns at idx can not collide with anything: typed
// nils among the values that were sent come to light only here.
func hasNull(img image, idx []int) bool {
	return slices.ContainsFunc(idx, func(k int) bool { return img[k] == nil })
}

var errOverflow = &quietError{text: "auditplugin: before images outgrew max_allowed_packet"}

func textOf(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	s, _ := v.(string)
	return s
}

func (j *job) fromHex(raw []any) row {
	r := row{image: make(image, len(j.t.cols)), raw: make([]any, len(j.t.cols))}
	for i, v := range raw {
		text := textOf(v)
		if text == "~" {
			continue
		}
		b, err := hex.DecodeString(text)
		if err != nil {
			b = []byte(text)
		}
		r.raw[i] = b
		if t, ok := j.zonedTime(i, b); ok {
			r.raw[i] = t
		}
		r.image[i] = j.t.rules[i].Normalise(r.raw[i])
	}
	return r
}

// zonedTime reads a time as the driver would: in the zone its DSN names.
func (j *job) zonedTime(i int, text []byte) (time.Time, bool) {
	switch j.t.cols[i].DBType {
	case "DATETIME", "TIMESTAMP":
	default:
		return time.Time{}, false
	}
	loc := mysqlLocation(j.db.Dialector)
	if loc == nil || loc == time.UTC {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", string(text), loc)
	return t, err == nil
}

// mysqlLocation finds the zone in which the MySQL driver reads times, without
// importing it.
func mysqlLocation(d gorm.Dialector) *time.Location {
	v := reflect.ValueOf(d)
	for _, name := range []string{"Config", "DSNConfig", "Loc"} {
		for v.Kind() == reflect.Pointer && name != "" {
			if v.IsNil() {
				return nil
			}
			if loc, ok := v.Interface().(*time.Location); ok {
				return loc
			}
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return nil
		}
		if v = v.FieldByName(name); !v.IsValid() {
			return nil
		}
	}
	loc, _ := v.Interface().(*time.Location)
	return loc
}
