package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// chosenVariable is the user variable that collects the keys of chosen rows.
const chosenVariable = "@auditplugin_chosen"

// choose finds the keys of the rows that a statement with a subquery will change. In a SELECT
// that locks its rows, InnoDB reads those of subqueries as the transaction's snapshot has them,
// and fixes that; in an UPDATE or DELETE as they are now, with a lock. So it does in a SET.
func choose(s *statement.Statement) error {
	t := s.Table
	asks := sqltext.Mentions(s.Query, "select") && sqltext.Mentions(s.Conditions(), "select")
	if len(t.Key) == 0 || !asks && t.Catalog.Kind != catalog.View {
		return nil
	}
	key := t.Only(t.Key, nil)
	if slices.ContainsFunc(key.Columns, func(c values.Column) bool { return strings.HasPrefix(c.DBType, "FLOAT") }) {
		return nil // no text finds such a key
	}
	columns, names := make([]string, len(key.Columns)), make([]string, len(key.Columns))
	for i, c := range key.Qualified {
		names[i] = fmt.Sprintf("auditplugin_k%d", i)
		columns[i] = c + " AS " + names[i]
	}
	query, args := s.SelectRows(statement.Selection{Columns: strings.Join(columns, ","), Lock: s.RowLock(t, true)})
	note := "CONCAT(" + chosenVariable + ",'(',CONCAT_WS(','," + strings.Join(digits(key, names), ",") + "),')')"
	err := s.Ledger.Exec(s.Ctx, "SET "+chosenVariable+" = ''")
	if err == nil {
		err = s.Ledger.Exec(s.Ctx, "SET @auditplugin_count = (SELECT COUNT("+chosenVariable+" := "+note+") FROM ("+query+") auditplugin_rows)", args...)
	}
	if err != nil {
		s.Ledger.Failed(err)
		return s.Unreadable(err)
	}
	raw, err := s.Read("SELECT "+chosenVariable+","+ZoneProbe, nil)
	if err != nil {
		return err
	}
	if len(raw) != 1 || raw[0][0] == nil {
		return s.Unreadable(errOverflow)
	}
	form := HexForm{Zone: statement.ZoneOf(raw[0][1])}
	s.Chosen = [][]any{}
	met := map[string]bool{}
	for text := textOf(raw[0][0]); text != ""; {
		fields, rest, ok := cut(text, '(', ')', len(key.Columns))
		if !ok {
			return s.Unreadable(errOverflow)
		}
		row := form.Row(key, fields)
		if row.Image.HasNull(key.Key) {
			s.Chosen = nil // nothing finds it
			return nil
		}
		if id := key.Identity(row.Image); !met[id] {
			met[id] = true
			s.Chosen = append(s.Chosen, key.KeyParams(row.Image, row.Raw))
		}
		text = rest
	}
	return nil
}
