package policies

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// TestScope: which models and columns are recorded.
func TestScope(t *testing.T) {
	script := func(db *gorm.DB) error {
		return errors.Join(
			db.Create(&account{ID: 10, Name: "new"}).Error,
			db.Create(&note{ID: 10, Text: "new"}).Error,
			db.Model(&account{ID: 1}).Update("age", 37).Error,
			db.Model(&note{ID: 1}).Update("text", "changed").Error,
			db.Table("accounts").Where("id = ?", 2).Updates(map[string]any{"age": 41}).Error,
			db.Exec("UPDATE notes SET text = 'raw' WHERE id = 2").Error,
			db.Delete(&account{ID: 3}).Error,
			db.Delete(&note{ID: 2}).Error,
		)
	}
	accounts := []string{"create account 10", "update account 1", "update account 2", "delete account 3"}
	notes := []string{"create note 10", "update note 1", "raw note", "delete note 2"}
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		base := open(t, g)
		for name, c := range map[string]struct {
			opts []auditplugin.Option
			want []string
		}{
			"everything": {nil, []string{
				"create account 10", "create note 10", "update account 1", "update note 1", "update account 2", "raw note", "delete account 3", "delete note 2",
			}},
			"with accounts":             {[]auditplugin.Option{auditplugin.WithModels(&account{})}, accounts},
			"with notes, by table":      {[]auditplugin.Option{auditplugin.WithModels("notes")}, notes},
			"without notes":             {[]auditplugin.Option{auditplugin.WithoutModels(note{})}, accounts},
			"without accounts, by name": {[]auditplugin.Option{auditplugin.WithoutModels("accounts")}, notes},
			"with accounts, twice":      {[]auditplugin.Option{auditplugin.WithModels(&account{}), auditplugin.WithModels("accounts")}, accounts},
			"without a column": {[]auditplugin.Option{auditplugin.WithoutColumns("accounts.age", "updated_at")}, []string{
				"create account 10", "create note 10", "update note 1", "raw note", "delete account 3", "delete note 2",
			}},
		} {
			t.Run(name, func(t *testing.T) {
				d := again(t, base, c.opts...)
				reset(t, d)
				if err := script(d.DB); err != nil {
					t.Fatal(err)
				}
				wantRecords(t, d, c.want...)
				if name != "without a column" {
					return
				}
				for _, r := range trail(t, d) {
					for _, image := range []map[string]any{r.Before, r.After} {
						if _, there := image["age"]; there {
							t.Errorf("the column left out is in %+v", r)
						}
					}
				}
			})
		}
	})
}

func TestWithoutTimestampOnly(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		d := open(t, g, auditplugin.WithoutTimestampOnly())
		reset(t, d)
		at := time.Date(2024, time.May, 6, 7, 8, 9, 0, time.UTC)
		must(t, d.Model(&account{ID: 1}).Update("name", "Ada")) // as it was
		must(t, d.Model(&account{ID: 1}).UpdateColumn("updated_at", at))
		wantRecords(t, d)
		must(t, d.Model(&account{ID: 1}).Update("name", "Eve"))
		wantRecords(t, d, "update account 1")
		if got := trail(t, d)[0].Changed; fmt.Sprint(got) != "[name updated_at]" {
			t.Errorf("changed are %v", got)
		}
	})
}

// TestSkip: a skipped statement leaves one event, whatever it wrote, in the
// transaction that it belongs to.
func TestSkip(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		d := open(t, g)
		skipped := audit.Skip(t.Context(), "import")
		for name, c := range map[string]struct {
			write func(db *gorm.DB) error
			rows  []int // of each event
		}{
			"create":  {func(db *gorm.DB) error { return db.Create(&account{Name: "x"}).Error }, []int{1}},
			"batches": {func(db *gorm.DB) error { return db.CreateInBatches([]account{{}, {}, {}, {}, {}}, 2).Error }, []int{2, 2, 1}},
			"update":  {func(db *gorm.DB) error { return db.Model(&account{}).Where("id < 3").Update("age", 1).Error }, []int{2}},
			"delete":  {func(db *gorm.DB) error { return db.Delete(&account{}, []int{1, 2, 3}).Error }, []int{3}},
			"nothing": {func(db *gorm.DB) error { return db.Delete(&account{}, 99).Error }, nil},
			"raw": {func(db *gorm.DB) error {
				return db.Exec("UPDATE accounts SET name = '" + secret + "' WHERE id < 3").Error
			}, []int{2}},
		} {
			t.Run(name, func(t *testing.T) {
				reset(t, d)
				if err := c.write(d.WithContext(skipped)); err != nil {
					t.Fatal(err)
				}
				for place, records := range map[string][]audit.Record{"the table": trail(t, d), "announced": d.Announced.Records()} {
					if len(records) != len(c.rows) {
						t.Fatalf("%s: %d records, want %d:\n%s", place, len(records), len(c.rows), brief(records))
					}
					for i, r := range records {
						if r.Action != audit.Event || r.Outcome != audit.Success || r.Table != "accounts" || r.Reason != "import" ||
							fmt.Sprint(r.Metadata["rows"]) != fmt.Sprint(c.rows[i]) || r.Before != nil || r.After != nil {
							t.Errorf("%s: %+v", place, r)
						}
					}
				}
				// Rolled back, nothing was skipped either.
				reset(t, d)
				tx := d.WithContext(skipped).Begin()
				if err := c.write(tx); err != nil {
					t.Error(err)
				}
				must(t, tx.Rollback())
				wantRecords(t, d)
			})
		}
	})
}
