package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Blank has a key that the database makes up, and it is empty.
type Blank struct {
	Key  []byte `gorm:"primaryKey;type:blob;default:(x'')"`
	Name string
}

// SQLite in Go gives an empty BLOB as bytes that are nil. It is not NULL, on either path
// and however the rows are read; all other tests run on it by .ci/with-engine sqlite-go.
func TestEmptyBytesOfSQLiteInGo(t *testing.T) {
	t.Setenv(testdb.PureGoEnv, "1")
	for _, portable := range []bool{false, true} {
		for name, options := range map[string][]testdb.Option{
			"announced":             nil,
			"table alone":           {testdb.TableAlone()},
			"without driver access": {testdb.WithPlugin(auditplugin.WithoutDriverAccess())},
		} {
			g := testdb.Target{Dialect: testdb.SQLite, Portable: portable}
			t.Run(g.String()+" "+name, func(t *testing.T) {
				s := bulk()
				s.options = append(s.options, options...)
				s.run(t, g, func(s *stage) {
					row := BulkRow{ID: 1_000_001, Text: "a", Data: []byte{}}
					s.ok(s.db.Create(&row))
					s.ok(s.db.Model(&row).Update("data", nil))
					s.ok(s.db.Model(&row).Update("data", []byte{}))
					s.ok(s.db.Model(&BulkRow{}).Where("id > ?", 0).Updates(map[string]any{"data": []byte{}}))
					s.ok(s.db.Delete(&row))
				})
			})
		}
	}
}

// The oracle has no name for such a row; that it has records at all is what is seen here.
func TestEmptyKeyOfSQLiteInGo(t *testing.T) {
	t.Setenv(testdb.PureGoEnv, "1")
	for _, portable := range []bool{false, true} {
		g := testdb.Target{Dialect: testdb.SQLite, Portable: portable}
		t.Run(g.String(), func(t *testing.T) {
			scene{models: []any{&Blank{}}}.run(t, g, func(s *stage) {
				s.oracle = nil
				s.ok(s.db.Create(&Blank{Name: "a"}))
				s.ok(s.db.Model(&Blank{}).Where("name = ?", "a").Update("name", "b"))
				s.ok(s.db.Where("name = ?", "b").Delete(&Blank{}))
				if n := len(s.trail()); n != 3 {
					s.Errorf("%d records of 3 changes", n)
				}
			})
		})
	}
}
