package history

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// driverZone is the location in which the driver gives times of a column: that of
// the present row's, or else as the driver shows it for the present time.
func (t *rowTable) driverZone(ctx context.Context, i int, img image) (*time.Location, error) {
	if !t.columns[i].rule.IsTime() {
		return time.UTC, nil
	}
	if at, ok := img[i].raw.(time.Time); ok {
		return at.Location(), nil
	}
	dialect, dbType := t.db.Name(), strings.ToUpper(t.columns[i].dbType)
	if dialect == "postgres" && dbType != "TIMESTAMPTZ" {
		return time.UTC, nil // a time without a zone
	}
	if dialect != "postgres" && dialect != "mysql" {
		return time.UTC, nil
	}
	if t.zone != nil {
		return t.zone, nil
	}
	rows, err := t.db.WithContext(ctx).Raw("SELECT CURRENT_TIMESTAMP").Rows()
	if err != nil {
		return nil, fmt.Errorf("auditplugin: asking for the driver's time zone: %w", err)
	}
	defer func() { _ = rows.Close() }() // one row
	t.zone = time.UTC
	for rows.Next() {
		var now any
		if err := rows.Scan(&now); err != nil {
			return nil, fmt.Errorf("auditplugin: asking for the driver's time zone: %w", err)
		}
		if at, ok := now.(time.Time); ok {
			t.zone = at.Location()
		}
	}
	return t.zone, rows.Err()
}
