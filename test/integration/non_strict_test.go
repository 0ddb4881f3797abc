package integration

import (
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// A server that is not strict cuts and rounds what it is sent. An upsert of rows that all
// meet others was refused, where what was sent is not what they have.
func TestServerThatIsNotStrict(t *testing.T) {
	sc := scene{models: []any{&Counter{}}, options: []testdb.Option{testdb.WithMaxOpen(1)}}
	sc.on(t, testdb.MySQL, func(s *stage) {
		s.ok(s.db.Exec("SET SESSION sql_mode = ''"))
		two := func() *[]Counter { return &[]Counter{{Name: "first"}, {Name: strings.Repeat("x", 50)}} }
		s.ok(s.db.Create(two()))
		hit := clause.Assignments(map[string]any{"hits": gorm.Expr("hits + 1")})
		s.ok(s.db.Clauses(clause.OnConflict{DoUpdates: hit}).Create(two()))
		s.ok(s.db.Model(&Counter{}).Where("1=1").Update("hits", "12abc"))
		s.ok(s.db.Model(&Counter{}).Where("id = 1").Update("name", nil))
		s.ok(s.db.Table("counters").Create(map[string]any{"id": "71x", "name": "z", "hits": ""}))
		s.ok(s.db.Model(&Counter{}).Where("id = 71").Update("id", "72y"))
		s.expect("3 create counters", "6 update counters")
	})
}
