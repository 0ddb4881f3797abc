package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

// patient is the model of its table that knows what is secret.
type patient struct {
	ID     uint
	Name   string
	IBAN   string `audit:"mask"`
	Diary  string `audit:"-"`
	Ward   string `audit:"hash"`
	Token  string `audit:"show"`
	Left   string
	Sheet  sheet `gorm:"serializer:json"`
	Gone   gorm.DeletedAt
	Doctor doctor `gorm:"foreignKey:ID;references:ID"`
}

type sheet struct {
	City  string
	Pulse string `audit:"-"`
	Phone string `audit:"mask=2"`
	Token string `audit:"show"`
}

func (patient) AuditName() string                { return "person_in_care" }
func (patient) AuditRequires() audit.Requirement { return audit.RequireReason }

// doctor is known by its patient only.
type doctor struct {
	ID     uint
	Salary string `audit:"mask"`
}

func (doctor) AuditRequires() audit.Requirement { return audit.RequireReason }

// patientSlim knows nothing of secrets.
type patientSlim struct {
	ID    uint
	Name  string
	IBAN  string
	Diary string
	Ward  string
	Token string
	Left  string
	Sheet string
	Gone  gorm.DeletedAt
}

func (patientSlim) TableName() string { return "patients" }

type patientID struct{ ID uint }

func (patientID) TableName() string { return "patients" }

type doctorSlim struct {
	ID     uint
	Salary string
}

func (doctorSlim) TableName() string { return "doctors" }

const sheetJSON = `{"City":"Rome","Pulse":"secret-1","Phone":"secret-23","Token":"open-4"}`

// All that writes to a table goes by the rules of all models of the table.
func TestOneTableOneSetOfRules(t *testing.T) {
	columns := map[string]any{"name": "n2", "iban": "secret-2", "diary": "secret-3", "ward": "secret-4", "token": "open-2", "left": "secret-9", "sheet": sheetJSON}
	slim := patientSlim{Name: "n", IBAN: "secret-5", Diary: "secret-6", Ward: "secret-7", Token: "open-3", Left: "secret-8", Sheet: sheetJSON}
	writes := map[string]func(db *gorm.DB) *gorm.DB{
		"create by the slim struct": func(db *gorm.DB) *gorm.DB { s := slim; return db.Create(&s) },
		"create many":               func(db *gorm.DB) *gorm.DB { return db.Create([]patientSlim{slim, slim}) },
		"create by a map": func(db *gorm.DB) *gorm.DB {
			return db.Table("patients").Create(maps.Clone(columns)) // GORM adds the id
		},
		"create by an anonymous struct": func(db *gorm.DB) *gorm.DB {
			return db.Table("patients").Create(&struct{ ID, Name, IBAN, Diary, Ward, Token, Left, Sheet string }{"77", "n", "secret-5", "secret-6", "secret-7", "open-3", "secret-8", sheetJSON})
		},
		"update by the slim struct": func(db *gorm.DB) *gorm.DB { return db.Model(&patientSlim{ID: 1}).Updates(&slim) },
		"update by a map":           func(db *gorm.DB) *gorm.DB { return db.Table("patients").Where("id = 1").Updates(columns) },
		"save":                      func(db *gorm.DB) *gorm.DB { s := slim; s.ID = 1; return db.Save(&s) },
		"delete by the id":          func(db *gorm.DB) *gorm.DB { return db.Delete(&patientID{}, 1) },
		"raw": func(db *gorm.DB) *gorm.DB {
			return db.Exec("UPDATE patients SET iban = 'secret-9' WHERE id = 1")
		},
		"raw in capitals": func(db *gorm.DB) *gorm.DB {
			return db.Exec("UPDATE PATIENTS SET iban = 'secret-9' WHERE id = 1")
		},
		"table in capitals": func(db *gorm.DB) *gorm.DB { return db.Table("PATIENTS").Where("id = 1").Updates(columns) },
	}
	known := map[string]struct {
		opts []auditplugin.Option
		meet func(db *gorm.DB) error
	}{
		"by an option": {opts: []auditplugin.Option{auditplugin.WithModels(&patient{}, &doctor{})}},
		"by a write":   {meet: func(db *gorm.DB) error { return db.Create(&patient{Name: "x"}).Error }},
		"after the slim one": {meet: func(db *gorm.DB) error {
			return errors.Join(db.Create(&patientSlim{Name: "x"}).Error, db.Table("patients").Create(map[string]any{"name": "y"}).Error,
				db.Create(&patient{Name: "x"}).Error)
		}},
	}
	ctx := audit.WithReason(audit.WithActor(context.Background(), audit.Actor{ID: "7"}), "because")
	for how, k := range known {
		for what, write := range writes {
			t.Run(what+", known "+how, func(t *testing.T) {
				opts := append([]auditplugin.Option{auditplugin.WithHashKey([]byte(hashKey)), auditplugin.WithoutColumns("Patients.LEFT")}, k.opts...)
				db := openDB(t, &patient{}, &doctor{})
				p := use(t, db, opts...)
				exec(t, db, "INSERT INTO patients (id, name, iban, diary, ward, token, left, sheet) VALUES (1, 'n1', 'secret-a', 'secret-b', 'secret-c', 'open-1', 'secret-d', '{}')")
				db = db.WithContext(ctx)
				if k.meet != nil {
					if err := k.meet(db); err != nil {
						t.Fatal(err)
					}
				}
				exec(t, db, "DELETE FROM audit_logs")
				if err := write(db.WithContext(audit.WithActor(context.Background(), audit.Actor{ID: "7"}))).Error; !errors.Is(err, auditplugin.ErrReasonRequired) {
					t.Errorf("without a reason: %v", err)
				}
				exec(t, db, "DELETE FROM audit_logs")
				must(t, write(db))

				for _, r := range trail(t, db) {
					if r.RecordType != "person_in_care" || r.Table != "patients" {
						t.Errorf("the record is of %s in %s", r.RecordType, r.Table)
					}
				}
				text := fmt.Sprint(stored(t, db))
				if strings.Contains(text, "secret") {
					t.Errorf("a secret is shown: %s", text)
				}
				for _, shown := range []string{"open-", "hmac-sha256:", `"***"`} {
					if !strings.Contains(what, "raw") && !strings.Contains(text, shown) {
						t.Errorf("%s is not shown: %s", shown, text)
					}
				}
				if strings.Contains(text, "Rome") && (!strings.Contains(text, `"Phone":"***23"`) || !strings.Contains(text, "open-4")) {
					t.Errorf("the document is not as its tags say: %s", text)
				}

				// Who reads the trail gets the same answer, whichever model it has.
				for column, want := range map[string]string{"iban": "***", "token": "secret", "ward": "hmac-sha256:"} {
					for _, model := range []any{&patientSlim{}, &patient{}, &patientID{}, nil} {
						stmt := &gorm.Statement{DB: db}
						if model != nil {
							if err := stmt.Parse(model); err != nil {
								t.Fatal(err)
							}
						}
						got, err := p.Shown(stmt.Schema, "patients", column, "secret")
						if err != nil || !strings.HasPrefix(fmt.Sprint(got), want) {
							t.Errorf("Shown of %s for %T is %v, %v", column, model, got, err)
						}
						never, partly, secret, err := p.Hides(stmt.Schema, "patients", "diary")
						if err != nil || !never || !partly || !secret {
							t.Errorf("Hides of the diary for %T is %v %v %v, %v", model, never, partly, secret, err)
						}
					}
				}
			})
		}
	}
}

// A model that is only referred to has rules, too.
func TestRulesOfRelations(t *testing.T) {
	db := openDB(t, &patient{}, &doctor{})
	use(t, db, auditplugin.WithHashKey([]byte(hashKey)))
	ctx := audit.WithReason(context.Background(), "because")
	must(t, db.WithContext(ctx).Create(&patient{Name: "x"}))
	if err := db.Create(&doctorSlim{Salary: "secret"}).Error; !errors.Is(err, auditplugin.ErrReasonRequired) {
		t.Errorf("without a reason: %v", err)
	}
	must(t, db.WithContext(ctx).Create(&doctorSlim{Salary: "secret"}))
	if text := fmt.Sprint(stored(t, db)); strings.Contains(text, "secret") {
		t.Errorf("a secret is shown: %s", text)
	}
}

// History with a slim struct knows what the other model hides.
func TestHistoryBySlimModel(t *testing.T) {
	db := openDB(t, &patient{}, &doctor{})
	use(t, db, auditplugin.WithHashKey([]byte(hashKey)))
	ctx := audit.WithReason(context.Background(), "because")
	db = db.WithContext(ctx)
	must(t, db.Create(&patient{Name: "x", IBAN: "secret-1", Diary: "secret-2"}))
	must(t, db.Model(&patientSlim{ID: 1}).Updates(map[string]any{"iban": "secret-3", "name": "y"}))
	records, err := history.Of(db, &patientSlim{ID: 1}).Find(ctx)
	if err != nil || len(records) != 2 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if _, err := history.Of(db, &patientSlim{ID: 1}).Column("iban").Find(ctx); err != nil {
		t.Error(err)
	}
}

// Types of one table that each have a name keep it; what has none goes by the one that an
// option names, or that was met first.
type (
	staffA    struct{ ID uint }
	staffB    struct{ ID uint }
	staffNone struct{ ID uint }
)

func (staffA) TableName() string    { return "staff" }
func (staffB) TableName() string    { return "staff" }
func (staffNone) TableName() string { return "staff" }
func (staffA) AuditName() string    { return "alpha" }
func (staffB) AuditName() string    { return "beta" }

func TestTwoAuditNames(t *testing.T) {
	for name, c := range map[string]struct {
		opts []auditplugin.Option
		want string
	}{
		"first met": {nil, "[alpha beta alpha alpha alpha]"},
		"by option": {[]auditplugin.Option{auditplugin.WithModels(&staffB{}, &staffA{})}, "[alpha beta beta beta beta]"},
	} {
		t.Run(name, func(t *testing.T) {
			db := openDB(t, &staffA{})
			use(t, db, c.opts...)
			must(t, db.Create(&staffA{}))
			must(t, db.Create(&staffB{}))
			must(t, db.Create(&staffNone{}))
			must(t, db.Table("staff").Create(map[string]any{"id": 9}))
			must(t, db.Exec("DELETE FROM staff WHERE id = 9"))
			var got []string
			for _, r := range trail(t, db) {
				got = append(got, r.RecordType)
			}
			if fmt.Sprint(got) != c.want {
				t.Errorf("%v, want %s", got, c.want)
			}
		})
	}
}

// A model with a mistake closes its table to all.
type brokenStaff struct {
	ID   uint
	Name string `audit:"hush"`
}

func (brokenStaff) TableName() string { return "staff" }

func TestBrokenModelOfTable(t *testing.T) {
	db := openDB(t, &staffA{})
	use(t, db)
	must(t, db.Create(&staffA{}))
	if err := db.Create(&brokenStaff{}).Error; err == nil || !strings.Contains(err.Error(), "hush") {
		t.Errorf("the broken model's write: %v", err)
	}
	if err := db.Create(&staffA{}).Error; err == nil || !strings.Contains(err.Error(), "brokenStaff") {
		t.Errorf("another's write after that: %v", err)
	}
}
