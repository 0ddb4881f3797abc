package values

import (
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

type counter int

// Value implements driver.Valuer.
func (counter) Value() (driver.Value, error) { return int64(1), nil }

type name string

func TestSettled(t *testing.T) {
	n, c, at := name("n"), counter(1), time.Now()
	pn, pc := &n, &c
	var any1 any = c
	for _, v := range []any{
		nil, true, "text", []byte("b"), 1, uint8(2), 1.5, at, &at, n, &n, &pn,
		[]string{"a"},
		(*string)(nil),
		gorm.DeletedAt{},
		uuid.UUID{},
		sql.NullString{},
		&sql.NullInt64{},
		struct{ A int }{},
	} {
		if !Settled(v) {
			t.Errorf("%T is not settled", v)
		}
	}
	for _, v := range []any{c, &c, &pc, (*counter)(nil), &any1, sql.Null[string]{}} {
		if Settled(v) {
			t.Errorf("%T is settled", v)
		}
	}
}
