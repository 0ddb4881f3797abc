package integration

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Odd is a row that MySQL stores otherwise than it was sent, or changes unasked.
type Odd struct {
	ID      uint
	Short   string    `gorm:"size:5"`
	Fixed   string    `gorm:"type:char(5)"`
	Small   int8      `gorm:"type:tinyint"`
	Price   string    `gorm:"type:decimal(10,2)"`
	Ratio   float64   `gorm:"type:double"`
	Rounded float64   `gorm:"type:double(6,2)"`
	Kind    string    `gorm:"type:enum('a','b','')"`
	At      time.Time `gorm:"type:datetime(3)"`
	Stamp   time.Time `gorm:"type:timestamp(6) NULL"`
	Day     time.Time `gorm:"type:date"`
	Flag    bool
	Twice   int `gorm:"->;type:int GENERATED ALWAYS AS (small * 2) STORED"`
}

func odd(n int) []Odd {
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	rows := make([]Odd, n)
	for i := range rows {
		rows[i] = Odd{Short: "s", Fixed: "f", Small: int8(i), Price: "1.00", Ratio: 0.5, Rounded: 1, Kind: "a", At: at, Stamp: at, Day: at}
	}
	return rows
}

func odds(extra ...string) scene {
	return scene{models: []any{&Odd{}}, seed: func(db *gorm.DB) error {
		rows := odd(8)
		return db.Omit("twice").Create(&rows).Error
	}, ddl: func(string) []string { return extra }}
}

// TestMySQLStoresSomethingElse: after images are inferred from what was sent only
// where that is what is stored.
func TestMySQLStoresSomethingElse(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 891234567, time.UTC)
	for name, values := range map[string]map[string]any{
		"fits":         {"short": "äöü", "ratio": 0.1, "flag": true, "at": at.Truncate(time.Millisecond)},
		"too long":     {"short": "longer than that"},
		"spaces":       {"fixed": "a  ", "short": "a  "},
		"too large":    {"small": 1000},
		"decimal":      {"price": "2.005"},
		"rounded":      {"rounded": 1.23456},
		"enum":         {"kind": "B"},
		"fractions":    {"at": at, "stamp": at},
		"a day":        {"day": at},
		"NULL":         {"stamp": nil, "short": nil},
		"the same":     {"short": "s", "fixed": "f"},
		"text numbers": {"small": "7", "ratio": "0.25"},
		"a float":      {"small": 3.7},
		"generated":    {"small": 9},
	} {
		t.Run(name, func(t *testing.T) {
			odds().on(t, "mysql", func(s *stage) {
				s.try(s.db.Transaction(func(tx *gorm.DB) error {
					// Not strict: what does not fit is made to.
					if err := tx.Exec("SET SESSION sql_mode = ''").Error; err != nil {
						return err
					}
					one := tx.Model(&Odd{ID: 3}).Omit("Twice").Updates(values)
					if one.Error != nil {
						return one.Error
					}
					return tx.Model(&Odd{}).Where("id > 4 AND (short = ? OR short = ?)", "s", "other").Updates(values).Error
				}))
			})
		})
	}
}

// TestMySQLChangesUnasked: triggers, ON UPDATE, and conditions that do not give the
// same rows twice.
func TestMySQLChangesUnasked(t *testing.T) {
	s := odds("CREATE TRIGGER odds_before BEFORE UPDATE ON odds FOR EACH ROW SET NEW.fixed = CONCAT('t', NEW.id)")
	s.on(t, "mysql", func(s *stage) {
		s.ok(s.db.Model(&Odd{ID: 1}).Update("short", "x"))
		s.expect("1 update odds")
	})
	s = odds("ALTER TABLE odds MODIFY stamp timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)")
	s.on(t, "mysql", func(s *stage) {
		s.ok(s.db.Model(&Odd{ID: 1}).Update("short", "x"))
		s.ok(s.db.Model(&Odd{ID: 1}).Updates(map[string]any{"short": "y", "stamp": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}))
		s.expect("2 update odds")
	})
	odds().on(t, "mysql", func(s *stage) {
		for i := range 20 {
			s.ok(s.db.Model(&Odd{}).Where("id <= (SELECT MAX(id) / 2 FROM (SELECT id FROM odds) AS o)").Update("ratio", float64(i)))
			s.ok(s.db.Model(&Odd{}).Where("short <> ?", "x").Limit(2).Update("flag", i%2 == 0))
		}
	})
}

// TestTriggerChangesTheRow: on the way to being stored the row becomes another one,
// in columns that the statement does not name.
func TestTriggerChangesTheRow(t *testing.T) {
	s := scene{models: people(), seed: seedUsers("a", "b", "c"), ddl: func(dialect string) []string {
		switch dialect {
		case "postgres":
			return []string{
				`CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''noted '' || NEW.age; RETURN NEW; END'`,
				`CREATE TRIGGER users_before BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION noted()`,
			}
		case "mysql":
			return []string{`CREATE TRIGGER users_before BEFORE UPDATE ON users FOR EACH ROW SET NEW.note = CONCAT('noted ', NEW.age)`}
		}
		return nil // SQLite's triggers can not
	}}
	s.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 1}).Update("age", 77))
		s.ok(s.db.Model(&User{}).Where("id > ?", 1).UpdateColumn("age", 78))
		s.expect("3 update users")
	})
}

// TestConditionOfChance: PostgreSQL evaluates it once, and others a DELETE. Where it
// would have to be evaluated twice, the write is refused.
func TestConditionOfChance(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c", "d", "e", "f")}.capture(t, func(s *stage) {
		random := "random() < 0.5"
		switch s.db.Target.Dialect {
		case testdb.SQLite:
			random = "random() < 0"
		case testdb.MySQL:
			random = "RAND() < 0.5"
		}
		native := !s.db.Target.Portable
		for i := range 10 {
			err := s.db.Model(&User{}).Where(random).Update("age", 100+i).Error
			if native && s.db.Target.Dialect == testdb.Postgres {
				s.try(err)
			} else {
				s.fails(err, auditplugin.ErrAuditFailed)
			}
		}
		if native && s.db.Returns(s.T) {
			s.try(s.db.Unscoped().Where(random).Delete(&User{}).Error)
		}
	})
}
