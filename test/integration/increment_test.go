package integration

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// StepRow has a generated key.
type StepRow struct {
	ID   uint
	Name string
}

// Servers that replicate each other generate keys in steps. Where GORM asks for no
// rows, the new ones are found by these.
func TestMySQLKeysGeneratedInSteps(t *testing.T) {
	testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		if err := d.AutoMigrate(&StepRow{}); err != nil {
			t.Fatal(err)
		}
		step := "auto_increment_increment=3"
		if strings.Contains(d.DSN, "?") {
			step = "&" + step
		} else {
			step = "?" + step
		}
		db, err := gorm.Open(mysql.New(mysql.Config{DSN: d.DSN + step, DisableWithReturning: true}), &gorm.Config{Logger: logger.Discard})
		if err != nil {
			t.Fatal(err)
		}
		pool, _ := db.DB()
		defer pool.Close()
		options := []auditplugin.Option{auditplugin.WithEmitter(emitter.Table()), auditplugin.WithLogger(slog.New(slog.DiscardHandler))}
		if g.Portable {
			options = append(options, auditplugin.WithPortableImages())
		}
		plugin := auditplugin.New(options...)
		if err := db.Use(plugin); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = plugin.Close(t.Context()) }()
		// Another server's rows stand between.
		if _, err := d.Raw.Exec("INSERT INTO step_rows (id, name) VALUES (2,'theirs'),(3,'theirs'),(5,'theirs'),(6,'theirs')"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Raw.Exec("ALTER TABLE step_rows AUTO_INCREMENT = 7"); err != nil {
			t.Fatal(err)
		}
		if err := db.Create(&[]StepRow{{Name: "a"}, {Name: "b"}, {Name: "c"}}).Error; err != nil {
			t.Fatal(err)
		}
		rows, err := d.Raw.Query("SELECT c.id FROM step_rows c LEFT JOIN audit_logs a ON a.record_id = c.id WHERE c.name <> 'theirs' AND (a.seq IS NULL OR JSON_VALUE(a.after, '$.name') <> c.name)")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id uint
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			t.Errorf("row %d has no record, or another's", id)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		var records int
		if err := d.Raw.QueryRow("SELECT COUNT(*) FROM audit_logs").Scan(&records); err != nil || records != 3 {
			t.Errorf("%d records of 3 rows, %v", records, err)
		}
	})
}
