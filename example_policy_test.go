package auditplugin_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// Customer has fields that must not be seen.
type Customer struct {
	ID       uint
	Notes    string `audit:"-"`
	Answer   string `audit:"mask"`
	IBAN     string `audit:"mask=4"`
	Email    string `audit:"hash"`
	Password string // masked because of its name
	PinCount int    `audit:"show"`
}

func ExampleWithHashKey() {
	trail := emitter.Memory()
	db := open(auditplugin.New(
		auditplugin.WithEmitter(trail),
		auditplugin.WithHashKey([]byte("at least 16 bytes, from a vault")),
	), &Customer{})
	check(db.WithContext(asAda()).Create(&Customer{
		Notes: "calls often", Answer: "blue", IBAN: "NO9386011117947", Email: "grace@example.com", Password: "hunter2", PinCount: 2,
	}).Error)

	after := trail.Records()[0].After
	for _, column := range []string{"notes", "answer", "iban", "password", "pin_count"} {
		value, recorded := after[column]
		fmt.Println(column, recorded, value)
	}
	fmt.Printf("email %.21s…\n", after["email"])
	// Output:
	// notes false <nil>
	// answer true ***
	// iban true ***7947
	// password true ***
	// pin_count true 2
	// email hmac-sha256:2b7c1d3a:…
}

func ExampleWithModels() {
	db := open(auditplugin.New(auditplugin.WithEmitter(printed), auditplugin.WithModels(&Account{})), &Account{}, &Customer{})
	check(db.WithContext(asAda()).Create(&Customer{Answer: "blue"}).Error) // not recorded
	check(db.WithContext(asAda()).Create(&Account{Name: "Grace"}).Error)
	// Output: create account 1 map[] map[id:1 name:Grace phone:]
}

func ExampleWithoutColumns() {
	db := open(auditplugin.New(auditplugin.WithEmitter(printed), auditplugin.WithoutColumns("accounts.phone")), &Account{})
	account := Account{Name: "Grace", Phone: "+12345678901"}
	check(db.WithContext(asAda()).Create(&account).Error)
	check(db.WithContext(asAda()).Model(&account).Update("phone", "+19876543210").Error) // nothing to record
	check(db.WithContext(asAda()).Model(&account).Updates(Account{Name: "Grace H.", Phone: "none"}).Error)
	// Output:
	// create account 1 map[] map[id:1 name:Grace]
	// update account 1 map[name:Grace] map[name:Grace H.]
}

func ExampleWithRequiredReason() {
	db := open(auditplugin.New(auditplugin.WithRequiredReason(&Account{})), &Account{})
	err := db.WithContext(asAda()).Create(&Account{Name: "Grace"}).Error
	fmt.Println(errors.Is(err, auditplugin.ErrReasonRequired))
	fmt.Println(err)

	because := audit.WithReason(asAda(), "ticket 1234")
	fmt.Println(db.WithContext(because).Create(&Account{Name: "Grace"}).Error)
	// Output:
	// true
	// auditplugin: a reason is required: create of account (table accounts): the context gives no reason; use audit.WithReason
	// <nil>
}

// Ledger is audited like Account; what its failures do differs.
type Ledger struct {
	ID      uint
	Balance int
}

func ExampleWithFailurePolicy() {
	db := open(auditplugin.New(
		auditplugin.WithFailurePolicy(auditplugin.FailWrite),            // the default
		auditplugin.WithFailurePolicy(auditplugin.KeepWrite, &Ledger{}), // for this one only
		auditplugin.WithErrorHandler(func(_ context.Context, err error) {
			fmt.Println("alarm:", err)
		}),
	), &Account{}, &Ledger{})
	// From here on no update can be recorded.
	check(db.Exec("CREATE TRIGGER full BEFORE INSERT ON audit_logs WHEN NEW.action = 'update' BEGIN SELECT RAISE(ABORT, 'full'); END").Error)
	account, ledger := Account{Name: "Grace"}, Ledger{Balance: 1}
	check(db.WithContext(asAda()).Create(&account).Error)
	check(db.WithContext(asAda()).Create(&ledger).Error)

	err := db.WithContext(asAda()).Model(&account).Update("name", "Edsger").Error
	fmt.Println("account refused:", errors.Is(err, auditplugin.ErrAuditFailed))
	err = db.WithContext(asAda()).Model(&ledger).Update("balance", 2).Error
	fmt.Println("ledger kept:", err == nil)
	// Output:
	// account refused: true
	// alarm: auditplugin: change could not be recorded: ledger update: 1 records lost, the write was kept
	// ledger kept: true
}

func ExampleWithRawSQL() {
	plugin := auditplugin.New(auditplugin.WithRawSQL(auditplugin.RawRefuse))
	db := open(plugin, &Account{})
	err := db.WithContext(asAda()).Exec("UPDATE accounts SET phone = '+19876543210'").Error
	fmt.Println(errors.Is(err, auditplugin.ErrRawRefused))

	// By default it leaves a record without its literals.
	trail := emitter.Memory()
	db = open(auditplugin.New(auditplugin.WithEmitter(trail)), &Account{})
	check(db.WithContext(asAda()).Create(&Account{Name: "Grace"}).Error)
	check(db.WithContext(asAda()).Exec("UPDATE accounts SET phone = '+19876543210'").Error)
	r := trail.Records()[1]
	fmt.Println(r.Action, r.RecordType, r.Metadata)
	fmt.Println(r.Message)
	// Output:
	// true
	// raw account map[rows:1]
	// UPDATE accounts SET phone = ?
}

func Example_skip() {
	trail := emitter.Memory()
	db := open(auditplugin.New(auditplugin.WithEmitter(trail)), &Account{})
	accounts := []Account{{Name: "Grace"}, {Name: "Edsger"}, {Name: "Barbara"}}
	check(db.WithContext(audit.Skip(asAda(), "import of 2024")).Create(&accounts).Error)

	for _, r := range trail.Records() {
		fmt.Println(r.Action, "by", r.Actor.Name+":", r.Message)
		fmt.Println(r.Reason, r.Metadata)
	}
	// Output:
	// event by Ada: create of account not recorded: 3 rows
	// import of 2024 map[rows:3 skipped_action:create]
}
