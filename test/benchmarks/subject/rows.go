package subject

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// Open makes a variant's tables with their rows and opens it. The table of Big is
// left out unless big is set.
func (p *Place) Open(v Variant, m Mode, big bool, open Opener) (*Subject, error) {
	s, err := p.Attach(v, m, open)
	if err != nil {
		return nil, err
	}
	s.big = big
	if err := s.fill(); err != nil {
		_ = s.Close() // the first error says why
		return nil, fmt.Errorf("auditplugin: tables of %s on %s: %w", v, p.Kind, err)
	}
	if err := s.fillTrail(); err != nil {
		_ = s.Close() // the first error says why
		return nil, fmt.Errorf("auditplugin: trail of %s on %s: %w", v, p.Kind, err)
	}
	return s, nil
}

// fillTrail makes the trail's records by updates, also where there is no trail, so that
// the rows have the same past.
func (s *Subject) fillTrail() error {
	if s.Place.Trail == 0 {
		return nil
	}
	for i := 0; i*Rows < s.Place.Trail; i++ {
		n := min(Rows, s.Place.Trail-i*Rows)
		if err := s.DB.Model(&Account{}).Where("id <= ?", n).Update("city", fmt.Sprint("city ", -i)).Error; err != nil {
			return err
		}
	}
	audit := s.Variant.auditTable()
	if s.Place.Kind == Postgres && audit != "" {
		if err := s.exec("ALTER TABLE " + audit + " SET (autovacuum_enabled = off)"); err != nil {
			return err
		}
		if err := s.exec("VACUUM ANALYZE " + audit); err != nil {
			return err
		}
	}
	return s.analyze()
}

func (s *Subject) models() []any {
	models := []any{&Account{}, &Note{}}
	if s.big {
		models = append(models, &Big{})
	}
	return models
}

func (s *Subject) fill() error {
	if err := s.bare.AutoMigrate(s.models()...); err != nil {
		return err
	}
	accounts := make([]Account, Rows)
	for i := range accounts {
		accounts[i] = NewAccount(i)
		accounts[i].ID = uint(i + 1)
	}
	notes := make([]Note, Rows)
	for i := range notes {
		notes[i] = Note(accounts[i])
	}
	if err := s.bare.CreateInBatches(&accounts, 500).Error; err != nil {
		return err
	}
	if err := s.bare.CreateInBatches(&notes, 500).Error; err != nil {
		return err
	}
	if s.big {
		if err := s.fillBig(accounts); err != nil {
			return err
		}
	}
	if s.Place.Kind == Postgres {
		// The keys above were given, not drawn.
		for _, table := range s.tables() {
			if err := s.exec(fmt.Sprintf("ALTER SEQUENCE %s_id_seq RESTART WITH %d", table, Rows+1)); err != nil {
				return err
			}
		}
		// Autovacuum would run in somebody's turn; Restore vacuums instead.
		for _, table := range s.tables() {
			if err := s.exec("ALTER TABLE " + table + " SET (autovacuum_enabled = off)"); err != nil {
				return err
			}
		}
	}
	if s.Variant == Trigger {
		if err := s.installTriggers(); err != nil {
			return err
		}
	}
	return s.analyze()
}

func (s *Subject) fillBig(accounts []Account) error {
	return s.bare.Transaction(func(tx *gorm.DB) error {
		batch := make([]Big, 500)
		for first := 0; first < BigRows; first += len(batch) {
			for i := range batch {
				batch[i] = Big(accounts[i])
				batch[i].ID = uint(first + i + 1)
			}
			if err := tx.Create(&batch).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// table returns the table that the variant keeps a model in.
func (s *Subject) table(model string) string { return string(s.Variant) + "_" + model }

// tables returns the tables of the models.
func (s *Subject) tables() []string {
	tables := []string{s.table("accounts"), s.table("notes")}
	if s.big {
		tables = append(tables, s.table("bigs"))
	}
	return tables
}

// Insert makes accounts with the keys first to first+n-1, past the plugin if the trail
// is emptied.
func (s *Subject) Insert(first, n int) error {
	accounts := make([]Account, n)
	for i := range accounts {
		accounts[i] = NewAccount(i)
		accounts[i].ID = uint(first + i)
	}
	return s.besides().CreateInBatches(&accounts, 500).Error
}

// besides is the handle for what is not measured. Triggers record that too, so where the
// trail grows the plugin does.
func (s *Subject) besides() *gorm.DB {
	if s.Place.Trail > 0 {
		return s.DB
	}
	return s.bare
}

// Restore gives the tables the size that they had, and empties the audit table unless it
// is to grow, so that growth favours nobody. It belongs between rounds, out of what is
// measured; written is about how many rows were changed since the last time.
func (s *Subject) Restore(written int) error {
	if written == 0 {
		return nil
	}
	if err := s.besides().Where("id > ?", Rows).Delete(&Account{}).Error; err != nil {
		return err
	}
	var statements []string
	audit := s.Variant.auditTable()
	if s.Place.Trail > 0 {
		audit = ""
	}
	switch s.Place.Kind {
	case Postgres:
		if audit != "" {
			statements = append(statements, "TRUNCATE "+audit)
		}
		if written >= BigRows {
			statements = append(statements, "VACUUM "+s.table("bigs"))
		}
		statements = append(statements, "VACUUM "+s.table("accounts"), "VACUUM "+s.table("notes"))
	case SQLite:
		if audit != "" {
			statements = append(statements, "DELETE FROM "+audit)
		}
		// Everybody starts with an empty log.
		statements = append(statements, "PRAGMA wal_checkpoint(RESTART)")
	case MySQL:
		if audit != "" {
			statements = append(statements, "TRUNCATE "+audit)
		}
	}
	for _, statement := range statements {
		if err := s.exec(statement); err != nil {
			return err
		}
	}
	return nil
}

func (s *Subject) analyze() error {
	word := map[Kind]string{SQLite: "ANALYZE ", Postgres: "VACUUM ANALYZE ", MySQL: "ANALYZE TABLE "}[s.Place.Kind]
	for _, table := range s.tables() {
		if err := s.exec(word + table); err != nil {
			return err
		}
	}
	return nil
}

// exec runs a statement past GORM. Those that return rows are read to their end.
func (s *Subject) exec(statement string) error {
	verb, _, _ := strings.Cut(statement, " ")
	if verb != "PRAGMA" && verb != "ANALYZE" {
		_, err := s.pool.Exec(statement)
		return err
	}
	rows, err := s.pool.Query(statement)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		continue
	}
	return rows.Err()
}
