package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// Gate and Purse are read and written by transactions that wait for each other.
type Gate struct {
	ID uint
	N  int
}

// Purse is written after a Gate.
type Purse struct {
	ID     uint
	Amount int
}

// behind runs f in a transaction that has got a lock on a Gate, for which it waited; in
// between another transaction has made the Purse 150.
func behind(t *testing.T, d *testdb.DB, f func(tx *gorm.DB) error) {
	t.Helper()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	other, err := d.Raw.Begin()
	try(err)
	defer func() { _ = other.Rollback() }()
	for _, q := range []string{"UPDATE gates SET n = n + 1", "UPDATE purses SET amount = amount + 50"} {
		_, err := other.Exec(q)
		try(err)
	}
	locked, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- d.Transaction(func(tx *gorm.DB) error {
			close(locked)
			if err := tx.Model(&Gate{}).Where("id = 1").Update("n", gorm.Expr("n + 1")).Error; err != nil {
				return err
			}
			return f(tx)
		})
	}()
	<-locked
	waitFor(t, d)
	try(other.Commit())
	try(<-done)
}

// waitFor returns when somebody waits for a lock on gates.
func waitFor(t *testing.T, d *testdb.DB) {
	t.Helper()
	for range 200 {
		var n int
		if err := d.Raw.QueryRow(`SELECT COUNT(*) FROM information_schema.processlist
			WHERE db = DATABASE() AND info LIKE '%gates%' AND info NOT LIKE '%processlist%' AND command <> 'Sleep'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("nobody waits")
}

// The first SELECT of a transaction fixes what it sees under REPEATABLE READ: the catalog
// must not be read before it. An increment by what was read would be lost.
func TestCatalogLeavesTheSnapshotAlone(t *testing.T) {
	for _, limit := range []int{0, 1} {
		t.Run(fmt.Sprintf("%d connections", limit), func(t *testing.T) {
			testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
				for _, option := range []testdb.Option{testdb.WithoutPlugin(), testdb.TableAlone()} {
					d := g.Open(t, testdb.WithMaxOpen(limit), option)
					if err := d.AutoMigrate(&Gate{}, &Purse{}); err != nil {
						t.Fatal(err)
					}
					for _, q := range []string{"INSERT INTO gates VALUES (1, 0)", "INSERT INTO purses VALUES (1, 100)"} {
						if _, err := d.Raw.Exec(q); err != nil {
							t.Fatal(err)
						}
					}
					behind(t, d, func(tx *gorm.DB) error {
						var p Purse
						if err := tx.First(&p, 1).Error; err != nil {
							return err
						}
						return tx.Model(&p).Update("amount", p.Amount+50).Error
					})
					var p Purse
					if err := d.First(&p, 1).Error; err != nil || p.Amount != 200 {
						t.Errorf("with the plugin %v: %d, %v; want 200", d.Plugin != nil, p.Amount, err)
					}
				}
			})
		})
	}
}

// The same where the catalog is read in the middle of a transaction: that of a table which
// is met after another was written.
func TestCatalogOfTheSecondTable(t *testing.T) {
	testdb.On(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		for _, option := range []testdb.Option{testdb.WithoutPlugin(), testdb.TableAlone()} {
			d := g.Open(t, option)
			if err := d.AutoMigrate(&Gate{}, &Purse{}, &StepRow{}); err != nil {
				t.Fatal(err)
			}
			for _, q := range []string{"INSERT INTO gates VALUES (1, 0)", "INSERT INTO purses VALUES (1, 100)"} {
				if _, err := d.Raw.Exec(q); err != nil {
					t.Fatal(err)
				}
			}
			amount := 0
			err := d.Transaction(func(tx *gorm.DB) error {
				if err := tx.Model(&Gate{}).Where("id = 1").Update("n", 1).Error; err != nil {
					return err
				}
				if err := tx.Create(&StepRow{}).Error; err != nil { // its catalog is read here
					return err
				}
				if _, err := d.Raw.Exec("UPDATE purses SET amount = 150"); err != nil {
					return err
				}
				return tx.Model(&Purse{}).Select("amount").Where("id = 1").Scan(&amount).Error
			})
			if err != nil || amount != 150 {
				t.Errorf("with the plugin %v: %d, %v; want 150", d.Plugin != nil, amount, err)
			}
		}
	})
}
