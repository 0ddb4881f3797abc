package replay

import "testing"

func TestStored(t *testing.T) {
	row := []any{nil, []byte(nil), []byte{1}, "", int64(0)}
	StoredRow(row)
	if row[0] != nil {
		t.Errorf("NULL became %#v", row[0])
	}
	if b, ok := row[1].([]byte); !ok || b == nil || len(b) != 0 {
		t.Errorf("an empty BLOB of SQLite in Go became %#v", row[1])
	}
	if b, ok := row[2].([]byte); !ok || len(b) != 1 || row[3] != "" || row[4] != int64(0) {
		t.Errorf("other values changed: %#v", row)
	}
}
