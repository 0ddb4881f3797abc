package leaks

import (
	"encoding/hex"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// control is what must be found.
const control = "shown-to-everybody"

// write is one way to bring secrets into the database. fails tells that the
// database refuses it, with or without the plugin.
type write struct {
	name  string
	fails bool
	do    func(db *gorm.DB, s *secrets, all *rows) error
}

// rows are those that later writes change.
type rows struct{ a, b, c *vault }

var writes = []write{
	{name: "create", do: func(db *gorm.DB, s *secrets, all *rows) error {
		all.a = s.vault("create")
		all.a.Label, all.a.Shown = control, []byte(control)
		return db.Create(all.a).Error
	}},
	{name: "create batch", do: func(db *gorm.DB, s *secrets, all *rows) error {
		all.b, all.c = s.vault("batch"), s.vault("batch")
		return db.Create([]*vault{all.b, all.c}).Error
	}},
	{name: "create map", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Model(&ticket{}).Create(map[string]any{"token": s.next("map token")}).Error
	}},
	{name: "create in a table", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Table("tickets").Create(map[string]any{"token": s.next("table token")}).Error
	}},
	{name: "save", do: func(db *gorm.DB, s *secrets, all *rows) error {
		next := s.vault("save")
		next.Tenant, next.Code, next.Items = all.a.Tenant, all.a.Code, nil
		return db.Save(next).Error
	}},
	{name: "updates", do: func(db *gorm.DB, s *secrets, all *rows) error {
		next := s.vault("updates")
		next.Tenant, next.Code, next.Items = all.b.Tenant, all.b.Code, nil
		return db.Updates(next).Error
	}},
	{name: "updates map", do: func(db *gorm.DB, s *secrets, all *rows) error {
		return db.Model(&vault{}).Where("masked <> ?", s.next("where")).Updates(map[string]any{
			"masked": s.next("map masked"), "gone": s.next("map gone"), "card_pin": s.number("map pin"),
			"hashed": gorm.Expr("?", s.next("map expression")),
		}).Error
	}},
	{name: "column", do: func(db *gorm.DB, s *secrets, all *rows) error {
		return db.Model(all.b).UpdateColumn("tail", s.next("column")+"tail").Error
	}},
	{name: "key", do: func(db *gorm.DB, s *secrets, all *rows) error {
		return db.Model(all.b).UpdateColumn("code", s.next("key")).Error
	}},
	{name: "table", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Table("vaults").Where("label = ?", "label").Updates(map[string]any{"password": s.next("table password"), "ssn": s.next("table ssn")}).Error
	}},
	{name: "upsert", do: func(db *gorm.DB, s *secrets, all *rows) error {
		next, other := s.vault("upsert"), s.vault("upsert")
		next.Tenant, next.Code, next.Items, other.Items = all.a.Tenant, all.a.Code, nil, nil
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create([]*vault{next, other}).Error
	}},
	{name: "soft delete", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		row := ticket{Token: s.next("soft token")}
		if err := db.Create(&row).Error; err != nil {
			return err
		}
		if err := db.Delete(&row).Error; err != nil {
			return err
		}
		return db.Unscoped().Model(&row).Updates(map[string]any{"deleted_at": nil, "token": s.next("restored token")}).Error
	}},
	{name: "raw literals", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Exec("UPDATE vaults SET masked = '"+s.next("raw literal")+"', password = 'it''s "+s.next("raw quoted")+"', number = "+fmt.Sprint(s.number("raw number"))+
			", bytes = "+binary(db, s.next("raw hex"))+" WHERE gone <> ? /* "+s.next("raw comment")+" */", s.next("raw bound")).Error
	}},
	{name: "raw named", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Exec("UPDATE vaults SET masked = @secret WHERE label = @label", map[string]any{"secret": s.next("raw named"), "label": "label"}).Error
	}},
	{name: "raw, wrong", fails: true, do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Exec("UPDATE vaults SET no_such_column = '" + s.next("raw wrong") + "'").Error
	}},
	{name: "skipped", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.WithContext(audit.Skip(db.Statement.Context, "import")).Create(s.vault("skipped")).Error
	}},
	{name: "unique violation", fails: true, do: func(db *gorm.DB, s *secrets, all *rows) error {
		row := s.vault("unique")
		row.Unique = all.c.Unique
		return db.Create(row).Error
	}},
	{name: "unique violation of an update", fails: true, do: func(db *gorm.DB, s *secrets, all *rows) error {
		return db.Model(&vault{}).Where("label = ?", "label").Update("unique", s.next("same")).Error
	}},
	{name: "check violation", fails: true, do: func(db *gorm.DB, s *secrets, all *rows) error {
		return db.Model(all.c).Update("checked", s.next("refused")+"x-refused").Error
	}},
	{name: "no such parent", fails: true, do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Create(&item{VaultTenant: s.next("orphan tenant"), VaultCode: s.next("orphan code"), Secret: s.next("orphan secret")}).Error
	}},
	{name: "delete", do: func(db *gorm.DB, s *secrets, all *rows) error { // and its items
		return db.Where("tenant = ? AND code = ?", all.a.Tenant, all.a.Code).Delete(&vault{}).Error
	}},
	{name: "transaction", do: func(db *gorm.DB, s *secrets, all *rows) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Create(s.vault("transaction")).Error; err != nil {
				return err
			}
			return tx.Delete(all.c).Error
		})
	}},
}

// lastly are writes whose records are refused, by the database and by the policies.
var lastly = []write{
	{name: "update", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Model(&vault{}).Where("label = ?", "label").Updates(map[string]any{"masked": s.next("lost masked"), "password": s.next("lost password")}).Error
	}},
	{name: "transaction", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Transaction(func(tx *gorm.DB) error {
			return tx.Model(&vault{}).Where("label = ?", "label").Update("hashed", s.next("lost hashed")).Error
		})
	}},
	{name: "raw", do: func(db *gorm.DB, s *secrets, _ *rows) error {
		return db.Exec("UPDATE vaults SET masked = '" + s.next("lost raw") + "'").Error
	}},
}

// breakTable makes the database refuse records of updates and raw writes, with a
// text that quotes what it was given where it can.
var breakTable = map[string]string{
	testdb.SQLite: "CREATE TRIGGER no_updates BEFORE INSERT ON audit_logs WHEN NEW.action IN ('update', 'raw') BEGIN SELECT RAISE(ABORT, 'refused'); END",
	testdb.Postgres: `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.action IN ('update', 'raw') THEN RAISE EXCEPTION 'refused: %', NEW; END IF; RETURN NEW; END $$;
		CREATE TRIGGER no_updates BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION refuse()`,
	testdb.MySQL: "CREATE TRIGGER no_updates BEFORE INSERT ON audit_logs FOR EACH ROW BEGIN " +
		"IF NEW.action IN ('update', 'raw') THEN SET @m = LEFT(NEW.`after`, 100); SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @m; END IF; END",
}

// binary writes a literal for bytes.
func binary(db *gorm.DB, value string) string {
	digits := hex.EncodeToString([]byte(value))
	if db.Name() == testdb.Postgres {
		return `'\x` + digits + `'`
	}
	return "x'" + digits + "'"
}
