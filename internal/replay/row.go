package replay

import (
	"context"
	"database/sql"
)

// Row is like [Player.Rows] for callers that expect a [*sql.Row]. When err is not
// nil, scanning the row reports it.
func (p *Player) Row(ctx context.Context, s *Set, err error) (row *sql.Row) {
	if err != nil {
		s = &Set{Columns: []Column{{Name: "error"}}, Err: err}
	}
	p.use(func(db *sql.DB) { row = db.QueryRowContext(ctx, "", s) })
	return row
}
