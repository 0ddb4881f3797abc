package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

var (
	ada  = audit.Actor{ID: "7", Type: "user", Name: "Ada"}
	cron = audit.Actor{ID: "import", Type: "service"}
)

// shop makes a database whose records have fixed ids and times: two users, of whom one
// changed the phone, an order that is gone, an event, and one user with a hostile name.
func shop(path string) (err error) {
	db, err := openShop(path)
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	ddl, err := emitter.Schema("sqlite")
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE TABLE users (id integer PRIMARY KEY, name text, phone text, password text, pin_hint text, active numeric, updated_at datetime)",
		"CREATE TABLE orders (id integer PRIMARY KEY, user_id integer, state text)",
		"CREATE TABLE user_roles (user_id integer, role_id integer, PRIMARY KEY (user_id, role_id))",
		"INSERT INTO users VALUES (1, 'Ada', '+49987', 'hash-2', 'blue', 1, '2026-11-12 09:30:00+00:00'), (2, 'Eve', '+49222', 'hash-3', 'red', 0, '2026-11-01 08:00:00+00:00')",
		"INSERT INTO users VALUES (3, '=cmd()' || char(27) || ']0;pwned' || char(7) || char(8238) || char(10) || 'x', NULL, 'hash-4', NULL, 1, '2026-11-13 10:00:00+00:00')",
		"INSERT INTO user_roles VALUES (1, 2)",
		ddl,
	} {
		if err := db.Exec(statement).Error; err != nil {
			return err
		}
	}
	e, err := emitter.Table(emitter.NoCreate()).Bind(db)
	if err != nil {
		return err
	}
	return e.(audit.TxEmitter).EmitTx(context.Background(), pool, records())
}

func openShop(path string) (*gorm.DB, error) {
	return gorm.Open(sqlite.Open(path), &gorm.Config{Logger: logger.Discard})
}

func execute(path, statement string) error {
	db, err := openShop(path)
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return errors.Join(db.Exec(statement).Error, pool.Close())
}

func records() []audit.Record {
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	user := func(id int, name, phone any, password, hint string, active bool, updated string) map[string]any {
		return map[string]any{"id": id, "name": name, "phone": phone, "password": password, "pin_hint": hint, "active": active, "updated_at": updated}
	}
	const created = "2026-11-01T08:00:00Z"
	all := []audit.Record{
		{Time: at(1, 8), Action: audit.Create, RecordType: "user", Table: "users", RecordID: "1", After: user(1, "Ada", "+49123", "***", "***", false, created), Actor: cron, Reason: "first import", TransactionID: "tx-1"},
		{Time: at(1, 8), Action: audit.Create, RecordType: "user", Table: "users", RecordID: "2", After: user(2, "Eve", "+49222", "***", "***", false, created), Actor: cron, Reason: "first import", TransactionID: "tx-1"},
		{Time: at(1, 9), Action: audit.Create, RecordType: "order", Table: "orders", RecordID: "12", After: map[string]any{"id": 12, "user_id": 1, "state": "new"}, Actor: ada, TransactionID: "tx-2", RequestID: "req-9"},
		update(at(12, 9), "users", "user", "1", "tx-3", audit.Change{Path: "phone", From: "+49123", To: "+49987"}, audit.Change{Path: "updated_at", From: created, To: "2026-11-12T09:00:00Z"}),
		update(at(12, 9), "users", "user", "1", "tx-3", audit.Change{Path: "active", From: false, To: true}, audit.Change{Path: "password", From: "***", To: "***"}, audit.Change{Path: "updated_at", From: "2026-11-12T09:00:00Z", To: "2026-11-12T09:30:00Z"}),
		{Time: at(13, 10), Action: audit.Create, RecordType: "user", Table: "users", RecordID: "3", After: user(3, hostile, nil, "***", "", true, "2026-11-13T10:00:00Z"), Actor: audit.Actor{ID: "9", Name: hostile}, Reason: hostile, TransactionID: "tx-4"},
		{Time: at(14, 7), Action: audit.Delete, RecordType: "order", Table: "orders", RecordID: "12", Before: map[string]any{"id": 12, "user_id": 1, "state": "new"}, Actor: ada, Reason: "ticket 1234", TransactionID: "tx-5", Cause: id(4)},
		{Time: at(15, 7), Action: audit.Event, Outcome: audit.Failure, RecordType: "sign_in", Message: "wrong password for Eve", Actor: audit.Actor{ID: "2", Type: "user"}, TransactionID: "tx-6"},
		{Time: at(15, 8), Action: audit.Create, RecordType: "user_roles", Table: "user_roles", RecordID: `["1","2"]`, After: map[string]any{"user_id": 1, "role_id": 2}, Actor: ada, TransactionID: "tx-7"},
	}
	for i := range all {
		all[i].ID, all[i].SchemaVersion = id(i+1), audit.SchemaVersion
		if all[i].Outcome == "" {
			all[i].Outcome = audit.Success
		}
	}
	all[3].Actor, all[3].Reason, all[4].Actor = ada, "ticket 1234", ada
	all[3].Source = audit.Source{File: "users.go", Line: 34}
	return all
}

const hostile = "=cmd()\x1b]0;pwned\x07\u202e\nx"

func id(n int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", n) }

func update(at time.Time, table, kind, key, tx string, changes ...audit.Change) audit.Record {
	r := audit.Record{Time: at, Action: audit.Update, RecordType: kind, Table: table, RecordID: key, TransactionID: tx, Changes: changes, Before: map[string]any{}, After: map[string]any{}}
	for _, c := range changes {
		r.Before[c.Path], r.After[c.Path] = c.From, c.To
		r.Changed = append(r.Changed, c.Path)
	}
	return r
}
