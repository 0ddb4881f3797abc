package production

import (
	"os"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// The documented query tells the size of a trail, also of one in partitions.
func TestSizeOfTheTrail(t *testing.T) {
	text, err := os.ReadFile("../../../docs/production.md")
	must(t, err)
	_, query, found := strings.Cut(string(text), "-- PostgreSQL; a partitioned table is as large as its partitions\n")
	query, _, ended := strings.Cut(query, ";\n```")
	if !found || !ended {
		t.Fatal("docs/production.md has no query for the size")
	}
	for name, schema := range map[string]func() (string, error){
		"one table":  func() (string, error) { return emitter.Schema(testdb.Postgres) },
		"partitions": func() (string, error) { return history.PartitionSchema(testdb.Postgres, "audit_logs", time.Now(), 2) },
	} {
		t.Run(name, func(t *testing.T) {
			testdb.Only(t, testdb.Postgres, func(t *testing.T, g testdb.Target) {
				d := g.Open(t, testdb.Before(func(db *gorm.DB) error {
					ddl, err := schema()
					if err != nil {
						return err
					}
					return db.Exec(ddl).Error
				}))
				must(t, d.AutoMigrate(&account{}))
				must(t, d.Create(&[]account{{Phone: "1"}, {Phone: "2"}}).Error)
				var size string
				var records int
				must(t, d.Raw.QueryRow(query).Scan(&size, &records))
				if records != 2 || size == "" || strings.HasPrefix(size, "0 ") {
					t.Errorf("%d records, %q", records, size)
				}
			})
		})
	}
}
