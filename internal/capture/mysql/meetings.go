package mysql

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// meetings tells which of the rows that were sent have a unique key of r, as the database
// compares them: a collation may take "Go" and "go" for the same.
func meetings(s *statement.Statement, vals clause.Values, r table.Row) ([]bool, error) {
	all := make([]bool, len(vals.Values))
	for _, unique := range capture.Uniques(s) {
		var tuples [][]any
		var from []int
		for n, v := range vals.Values {
			for _, tuple := range statement.TuplesOf(clause.Values{Columns: vals.Columns, Values: [][]any{v}}, unique) {
				tuples, from = append(tuples, tuple), append(from, n)
			}
		}
		equal, err := s.Equal(s.Table, unique, tuples, s.Table.KeyParams(r.Image, r.Raw))
		if err != nil {
			return nil, err
		}
		for i, is := range equal {
			all[from[i]] = all[from[i]] || is
		}
	}
	return all, nil
}
