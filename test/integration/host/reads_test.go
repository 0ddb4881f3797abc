package host

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// sqlLog notes what GORM logs, which is what the application sees of its SQL.
type sqlLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *sqlLog) LogMode(logger.LogLevel) logger.Interface    { return l }
func (l *sqlLog) Info(context.Context, string, ...any)        {}
func (l *sqlLog) Warn(context.Context, string, ...any)        {}
func (l *sqlLog) Error(_ context.Context, s string, _ ...any) { l.add(s) }

func (l *sqlLog) Trace(_ context.Context, _ time.Time, what func() (string, int64), err error) {
	query, n := what()
	l.add(fmt.Sprintf("%s [%d] %s", query, n, told(err)))
}

func (l *sqlLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *sqlLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.lines
	l.lines = nil
	return taken
}

// TestReadsUntouched: reads, also between audited writes of one transaction, run
// the SQL they ran before, no more of it, and find the same.
func TestReadsUntouched(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		plain, audited := both(t, g, func(t *testing.T, d *testdb.DB) (notes []string) {
			must(t, d.AutoMigrate(&Account{}, &Line{}))
			list := accounts(4)
			list[0].Lines = []Line{{ID: 1, Text: "x"}, {ID: 2, Text: "y"}}
			must(t, d.Create(list).Error)
			log := &sqlLog{}
			read := func(tx *gorm.DB) {
				var found []Account
				var one Account
				var names []string
				var n int64
				asked := questions(t, tx)
				must(t, tx.Preload("Lines").Order("id").Find(&found).Error)
				must(t, tx.First(&one, 2).Error)
				must(t, tx.Model(&Account{}).Order("id").Pluck("name", &names).Error)
				must(t, tx.Model(&Account{}).Where("entries < ?", 5).Count(&n).Error)
				must(t, tx.Where(Account{Name: "none"}).FirstOrInit(&Account{}).Error)
				must(t, tx.Joins("JOIN accounts ON accounts.id = account_id").Find(&[]Line{}).Error)
				if g.Dialect != testdb.SQLite {
					must(t, tx.Clauses(clause.Locking{Strength: "UPDATE"}).Order("id").Find(&[]Account{}).Error)
				}
				err := tx.First(&Account{}, 77).Error
				all := rows(t, tx, "SELECT id, name, entries FROM accounts ORDER BY id")
				asked = questions(t, tx) - asked
				text, jerr := json.Marshal([]any{found, one, names, n, asked})
				must(t, jerr)
				notes = append(notes, string(text), told(err), all)
			}
			tx := d.Session(&gorm.Session{Logger: log})
			read(tx)
			must(t, tx.Transaction(func(tx *gorm.DB) error {
				read(tx)
				must(t, tx.Model(&list[1]).Update("entries", 3).Error)
				read(tx)
				must(t, tx.Delete(&list[3]).Error)
				must(t, tx.Create(&Account{ID: 9, Name: "nine"}).Error)
				read(tx)
				return nil
			}))
			read(tx)
			return append(notes, log.take()...)
		}, testdb.WithMaxOpen(1))
		same(t, plain, audited)
	})
}

// questions is how many statements the connection has sent, where it can be asked.
func questions(t *testing.T, db *gorm.DB) (n int) {
	t.Helper()
	if db.Name() != testdb.MySQL {
		return 0
	}
	var label string
	must(t, db.Raw("SHOW SESSION STATUS LIKE 'Questions'").Row().Scan(&label, &n))
	return n
}
