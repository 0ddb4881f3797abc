package alert_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

func TestInstall(t *testing.T) {
	db := openDB(t)
	if _, err := alert.New(db, nil, nil, alert.NoCreate()); !errors.Is(err, alert.ErrTableMissing) {
		t.Errorf("no table: %v", err)
	}
	err := db.Transaction(func(tx *gorm.DB) error {
		_, err := alert.New(tx, nil, nil)
		return err
	})
	if !errors.Is(err, alert.ErrInTransaction) {
		t.Errorf("in a transaction: %v", err)
	}
	if _, err := alert.New(nil, nil, nil); !errors.Is(err, alert.ErrInvalidOption) {
		t.Errorf("no database: %v", err)
	}
	schema, err := alert.Schema("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(strings.TrimSpace(schema), ";\n") {
		if err := db.Exec(strings.TrimSuffix(statement, ";")).Error; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := alert.New(db, nil, nil, alert.NoCreate()); err != nil {
		t.Errorf("with a table made from Schema: %v", err)
	}
	if err := db.Exec("CREATE TABLE other (id INTEGER)").Error; err != nil {
		t.Fatal(err)
	}
	if _, err := alert.New(db, nil, nil, alert.WithTable("other")); !errors.Is(err, alert.ErrTableMismatch) {
		t.Errorf("another table: %v", err)
	}
	for _, o := range []alert.Option{
		nil, alert.WithTable(""), alert.WithAuditTable("a."), alert.WithPoll(0), alert.WithSendTimeout(0), alert.WithStopTimeout(-1),
		alert.WithRetry(0, time.Second, time.Second), alert.WithRetry(1, time.Second, time.Millisecond), alert.WithKeep(time.Minute),
		alert.WithTimeZone(nil), alert.WithTimeLayout(""), alert.WithQuietHours(alert.Hours{}), alert.WithModels(3),
	} {
		if _, err := alert.New(db, nil, nil, o); !errors.Is(err, alert.ErrInvalidOption) {
			t.Errorf("a wrong option: %v", err)
		}
	}
}

// Several processes may start at once.
func TestInstallTogether(t *testing.T) {
	db := openDB(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := alert.New(db, nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// The DDL is in the repository, so that a change of it is seen.
func TestSchema(t *testing.T) {
	for _, dialect := range []string{"sqlite", "postgres", "mysql"} {
		got, err := alert.Schema(dialect)
		if err != nil {
			t.Fatal(err)
		}
		file := "testdata/schema." + dialect + ".sql"
		if os.Getenv("UPDATE_SCHEMA") != "" {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is not what Schema gives; UPDATE_SCHEMA=1 go test rewrites it", file)
		}
	}
	if _, err := alert.Schema("oracle"); !errors.Is(err, alert.ErrUnknownDialect) {
		t.Error(err)
	}
}

// The engine keeps the contract of emitters.
func TestContract(t *testing.T) {
	all := alert.When(alert.Not(alert.Model("no such model"))).Named("all").To("inbox")
	emittertest.Run(t, func(t *testing.T) (audit.Emitter, func() []audit.Record) {
		db := openDB(t)
		engine, err := alert.New(db, []alert.Rule{all}, map[string]alert.Channel{"inbox": &inbox{}})
		if err != nil {
			t.Fatal(err)
		}
		return engine, func() []audit.Record {
			var ids []string
			if err := db.Table(alert.DefaultTable).Order("id").Pluck("record", &ids).Error; err != nil {
				t.Error(err)
			}
			records := make([]audit.Record, len(ids))
			for i, id := range ids {
				records[i].ID = id
			}
			return records
		}
	})
}
