package mysql

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// sentUniques are the positions of the columns of unique keys that the rows in VALUES have.
func sentUniques(s *statement.Statement, vals clause.Values) []int {
	var at []int
	for _, unique := range capture.Uniques(s) {
		for _, name := range unique {
			if k, known := s.Table.At(name); known && statement.ColumnAt(vals, name) >= 0 && !slices.Contains(at, k) {
				at = append(at, k)
			}
		}
	}
	slices.Sort(at)
	return at
}

// inserted are the rows in VALUES that met no other. Hits are in the order of VALUES, and
// have what was sent as the database understood it.
func inserted(s *statement.Statement, vals clause.Values, at []int, hits []hit) (clause.Values, error) {
	if len(hits) == len(vals.Values) {
		return clause.Values{Columns: vals.Columns}, nil // all of them, whatever became of what was sent
	}
	met := make([]bool, len(vals.Values))
	sent := make([]table.Image, len(vals.Values))
	for n, v := range vals.Values {
		sent[n] = sentImage(s, vals, v)
	}
	same := func(a, b table.Image) bool {
		return !slices.ContainsFunc(at, func(k int) bool { return a[k] != unknown && !values.Equal(a[k], b[k]) })
	}
	var unclear []hit
	from := 0
	for _, h := range hits {
		if n := slices.IndexFunc(sent[from:], func(img table.Image) bool { return same(img, h.sent) }); n >= 0 {
			met[from+n] = true
			from += n + 1
		} else {
			unclear = append(unclear, h)
		}
	}
	for _, h := range unclear { // rounded, or made by SQL
		if len(s.Table.Key) == 0 {
			break
		}
		meets, err := meetings(s, vals, h.row)
		if err != nil {
			return vals, err
		}
		for n, is := range meets {
			if is && !met[n] {
				met[n] = true
				break
			}
		}
	}
	rows := make([][]any, 0, len(vals.Values))
	for n, v := range vals.Values {
		if !met[n] {
			rows = append(rows, v)
		}
	}
	if met := len(vals.Values) - len(rows); met != len(hits) {
		return vals, s.Refuse("%d of the rows that were sent met others, and which can not be told", len(hits))
	}
	return clause.Values{Columns: vals.Columns, Values: rows}, nil
}

// unknown is a value that the database makes up.
var unknown any = struct{ any }{}

// sentImage is what a row in VALUES says.
func sentImage(s *statement.Statement, vals clause.Values, row []any) table.Image {
	img := make(table.Image, len(s.Table.Columns))
	for i, v := range row {
		k, known := s.Table.At(vals.Columns[i].Name)
		if known {
			v = capture.SentKey(s, k, v)
		}
		switch {
		case !known:
		case statement.IsExpression(v) || capture.AutoIncrement(s.Table, k) && capture.IsEmptyKey(s, k, v):
			img[k] = unknown
		default:
			img[k] = s.Table.Rules[k].Normalise(v)
		}
	}
	return img
}

// keysOf tells whether an image has a unique key of one of the rows in VALUES.
func keysOf(s *statement.Statement, vals clause.Values) func(table.Image) bool {
	type key struct {
		at   []int
		sent map[string]bool
	}
	var all []key
	for _, unique := range capture.Uniques(s) {
		at := s.Table.Positions(unique)
		if at == nil {
			continue
		}
		k := key{at, make(map[string]bool, len(vals.Values))}
		for _, v := range vals.Values {
			img := sentImage(s, vals, v)
			if !slices.ContainsFunc(at, func(k int) bool { return img[k] == nil || img[k] == unknown }) {
				k.sent[img.Identity(at)] = true
			}
		}
		all = append(all, k)
	}
	return func(img table.Image) bool {
		return slices.ContainsFunc(all, func(k key) bool { return !img.HasNull(k.at) && k.sent[img.Identity(k.at)] })
	}
}
