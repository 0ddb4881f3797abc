package benchmarks_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

const (
	settingsTables = 20
	// settingsOpened is how many transactions a handle serves before a fresh one knows
	// nothing of the database again.
	settingsOpened = 200
)

// BenchmarkSettings is an application with many tables and a setting of its own in each
// transaction. It prints how much longer a write takes than with plain GORM. The records
// go nowhere: what is measured is how the tables are known.
//
//	go test -run '^$' -bench Settings ./test/benchmarks
func BenchmarkSettings(b *testing.B) {
	for name, c := range map[string]struct {
		env, set string
		open     func(dsn string) gorm.Dialector
	}{
		"postgres": {"AUDIT_POSTGRES_DSN", "SET LOCAL app.tenant = '7'", postgres.Open},
		"mysql":    {"AUDIT_MYSQL_DSN", "SET @tenant = '7'", mysql.Open},
	} {
		b.Run(name, func(b *testing.B) {
			dsn := os.Getenv(c.env)
			if dsn == "" {
				b.Skipf("%s is not set", c.env)
			}
			open := func(audited bool) *gorm.DB {
				db, err := gorm.Open(c.open(dsn), &gorm.Config{Logger: logger.Discard})
				if err == nil && audited {
					nowhere := emitter.Func(func(context.Context, []audit.Record) error { return nil })
					err = db.Use(auditplugin.New(auditplugin.WithEmitter(nowhere), auditplugin.WithActorFunc(func(context.Context) audit.Actor { return audit.Actor{ID: "1"} })))
				}
				if err != nil {
					b.Fatal(err)
				}
				return db
			}
			shut := func(db *gorm.DB) {
				if pool, err := db.DB(); err == nil {
					_ = pool.Close()
				}
			}
			prefix := fmt.Sprintf("settings_%d_", time.Now().UnixNano())
			setup := open(false)
			defer shut(setup)
			for i := range settingsTables {
				table := fmt.Sprint(prefix, i)
				if err := setup.Exec("CREATE TABLE " + table + " (id INT PRIMARY KEY, name VARCHAR(20))").Error; err != nil {
					b.Fatal(err)
				}
				defer setup.Exec("DROP TABLE " + table)
			}
			type row struct {
				ID   int
				Name string
			}
			spent := map[bool]time.Duration{}
			id := 0
			for _, audited := range []bool{false, true} {
				var db *gorm.DB
				for n := range b.N {
					if n%settingsOpened == 0 {
						if db != nil {
							shut(db)
						}
						db = open(audited)
					}
					id++
					start := time.Now()
					err := db.Transaction(func(tx *gorm.DB) error {
						if err := tx.Exec(c.set).Error; err != nil {
							return err
						}
						return tx.Table(fmt.Sprint(prefix, id%settingsTables)).Create(&row{ID: id, Name: "x"}).Error
					})
					spent[audited] += time.Since(start)
					if err != nil {
						b.Fatal(err)
					}
				}
				shut(db)
			}
			b.ReportMetric(float64(spent[true])/float64(spent[false]), "x-plain")
		})
	}
}
