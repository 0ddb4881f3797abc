package replay

import (
	"context"
	"database/sql"
)

// Row is like [Player.Rows] for callers that expect a [*sql.Row]. When err is not
// nil, scanning the row reports it.
func (p *Player) Row(ctx context.Context, s *Set, err error) *sql.Row {
	if err != nil {
		s = &Set{Columns: []Column{{Name: "error"}}, Err: err}
	}
	return p.db.QueryRowContext(ctx, "", s)
}
