package plugin_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/migrator"

	"github.com/gorm-audit/auditplugin"
)

type itemOld struct {
	ID   uint
	Name string
	N    int
	Gone string
}

type itemNew struct {
	ID   uint
	Name string `gorm:"not null;default:x;size:30"`
	N    int64  `gorm:"not null;default:7;check:n_small,n < 100"`
}

func (itemOld) TableName() string { return "items" }
func (itemNew) TableName() string { return "items" }

// ownDialect has a migrator of the application's own over SQLite's.
type ownDialect struct{ *sqlite.Dialector }

func (d ownDialect) Migrator(db *gorm.DB) gorm.Migrator {
	return ownMigrator{sqlite.Migrator{Migrator: migrator.Migrator{Config: migrator.Config{DB: db, Dialector: d, CreateIndexAfterCreateTable: true}}}}
}

type ownMigrator struct{ sqlite.Migrator }

// SQLite's migrator makes tables anew by raw SQL, which is nobody's write.
func TestMigratorMayMakeTablesAnew(t *testing.T) {
	for policy, opts := range map[string][]auditplugin.Option{
		"refuse":         {auditplugin.WithRawSQL(auditplugin.RawRefuse)},
		"actor, reason":  {auditplugin.WithRequiredActor(), auditplugin.WithRequiredReason()},
		"record":         nil,
		"unwrapped pool": {auditplugin.WithUnwrappedPool()},
	} {
		for dialect, d := range map[string]func(gorm.Dialector) gorm.Dialector{
			"SQLite":       func(d gorm.Dialector) gorm.Dialector { return d },
			"own migrator": func(d gorm.Dialector) gorm.Dialector { return ownDialect{d.(*sqlite.Dialector)} },
		} {
			for _, prepare := range []bool{false, true} {
				t.Run(fmt.Sprint(policy, ", ", dialect, ", prepare ", prepare), func(t *testing.T) {
					db := openOn(t, d(sqlite.Open(dsn(t))), &itemOld{})
					use(t, db, opts...)
					db = db.Session(&gorm.Session{PrepareStmt: prepare})
					exec(t, db, "INSERT INTO items VALUES (1, 'a', 1, 'g'), (2, 'b', 2, 'g')")
					if err := errors.Join(
						db.AutoMigrate(&itemNew{}),
						db.Migrator().DropColumn(&itemOld{}, "Gone"),
						db.Migrator().AlterColumn(&itemNew{}, "N"),
						db.Transaction(func(tx *gorm.DB) error { return tx.Migrator().DropConstraint(&itemNew{}, "n_small") }),
					); err != nil {
						t.Fatal(err)
					}
					if n := count(t, db, &itemNew{}); n != 2 {
						t.Errorf("%d rows are left", n)
					}
					if records := trail(t, db); len(records) != 0 {
						t.Errorf("records: %s", brief(records))
					}
				})
			}
		}
	}
}

// The application's own raw SQL is refused, also where the migrator calls it, and where
// its table is named like one of the migrator's.
func TestRawSQLBesideTheMigratorIsRefused(t *testing.T) {
	db := openOn(t, sqlite.Open(dsn(t)), &itemOld{})
	use(t, db, auditplugin.WithRawSQL(auditplugin.RawRefuse))
	exec(t, db, "CREATE TABLE items__temp (id integer, name text)")
	m := db.Migrator().(sqlite.Migrator)
	for name, write := range map[string]func() error{
		"plain":             func() error { return db.Exec("DELETE FROM items").Error },
		"as the migrator's": func() error { return db.Exec("INSERT INTO `items__temp`(id) SELECT id FROM `items`").Error },
		"without foreign keys": func() error {
			return m.RunWithoutForeignKey(func() error { return db.Exec("DELETE FROM items").Error })
		},
		"with the model's value": func() error {
			return m.RunWithValue(&itemOld{}, func(*gorm.Statement) error { return db.Exec("DELETE FROM items").Error })
		},
		"rows": func() error {
			return db.Transaction(func(tx *gorm.DB) error {
				var ids []int
				return tx.Raw("DELETE FROM items RETURNING id").Scan(&ids).Error
			})
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			if err := write(); !errors.Is(err, auditplugin.ErrRawRefused) {
				t.Errorf("it returned %v", err)
			}
		})
	}
}
