package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/trigger"
)

// variant is a table with triggers or none, and a connection that writes to it.
type variant struct {
	title, table string
	subject      *subject.Subject
	owns         bool // closes the subject
	conn         *sql.Conn
	server       catalog.Server
	marks        bool // as the plugin does
	id           int  // of the process or thread that serves the connection, 0 for this program
}

// open makes the tables: one without triggers, one with hand-written ones, and one with
// companions, which is written to with the plugin's mark and without.
func open(ctx context.Context, place *subject.Place) (all []*variant, err error) {
	add := func(title string, s *subject.Subject, owns, marks bool) error {
		v := &variant{title: title, table: string(s.Variant) + "_accounts", subject: s, owns: owns, marks: marks}
		all = append(all, v)
		if v.conn, err = s.Pool().Conn(ctx); err != nil {
			return err
		}
		if v.server, err = catalog.LoadServer(ctx, s.Pool(), string(place.Kind)); err != nil {
			return err
		}
		v.id, err = v.served(ctx, place.Kind)
		return err
	}
	for _, v := range []subject.Variant{subject.Plain, subject.Plugin, subject.Trigger} {
		s, err := place.Open(v, subject.Default, false, nil)
		if err != nil {
			return all, err
		}
		switch v {
		case subject.Plugin:
			if err := companions(s); err != nil {
				return all, errors.Join(err, s.Close())
			}
			err = errors.Join(add("companion, silent", s, true, true), add("companion, records", s, false, false))
		case subject.Trigger:
			err = add("full trigger trail", s, true, false)
		default:
			err = add("no trigger", s, true, false)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// companions makes the triggers, by a handle of its own on the same pool.
func companions(s *subject.Subject) error {
	other, err := gorm.Open(s.DB.Dialector, &gorm.Config{NamingStrategy: s.DB.NamingStrategy, Logger: s.DB.Logger})
	if err != nil {
		return err
	}
	trail := emitter.Table(emitter.Name(string(s.Variant) + "_audit_logs"))
	if err := other.Use(auditplugin.New(auditplugin.WithCompanion(), auditplugin.WithEmitter(trail))); err != nil {
		return err
	}
	return trigger.Install(other, trigger.For(&subject.Account{}))
}

// served is who serves the connection.
func (v *variant) served(ctx context.Context, k subject.Kind) (id int, err error) {
	var query string
	switch {
	case k == subject.Postgres:
		query = "SELECT pg_backend_pid()"
	case v.server.MariaDB:
		query = "SELECT tid FROM information_schema.processlist WHERE id = CONNECTION_ID()"
	case k == subject.MySQL:
		query = "SELECT thread_os_id FROM performance_schema.threads WHERE processlist_id = CONNECTION_ID()"
	default:
		return 0, nil
	}
	err = v.conn.QueryRowContext(ctx, query).Scan(&id)
	return id, err
}

// turn runs an operation some times, and tells the processor time of it.
func (v *variant) turn(ctx context.Context, o operation, first int) (time.Duration, error) {
	queries := make([]string, o.times)
	for i := range queries {
		queries[i] = o.query(v.table, first+i)
		if v.marks {
			queries[i], _ = companion.Mark(v.server, v.table, queries[i])
		}
	}
	before, err := v.processor()
	if err != nil {
		return 0, err
	}
	for _, q := range queries {
		if err := v.run(ctx, q); err != nil {
			return 0, err
		}
	}
	after, err := v.processor()
	return after - before, err
}

// run runs a statement, with the plugin's mark around it where that is not in the text.
func (v *variant) run(ctx context.Context, query string) error {
	if !v.marks || companion.MarksText(v.server) {
		_, err := v.conn.ExecContext(ctx, query)
		return err
	}
	tx, err := v.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, first := tx.ExecContext(ctx, companion.Hush, v.table)
	_, second := tx.ExecContext(ctx, query)
	_, third := tx.ExecContext(ctx, companion.Unhush)
	return errors.Join(first, second, third, tx.Commit())
}

// processor is how long the connection's server has had a processor.
func (v *variant) processor() (total time.Duration, err error) {
	files := []string{fmt.Sprintf("/proc/%d/schedstat", v.id)}
	if v.id == 0 {
		if files, err = filepath.Glob("/proc/self/task/*/schedstat"); err != nil {
			return 0, err
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		var ran time.Duration
		if _, err := fmt.Sscan(string(text), &ran); err != nil {
			return 0, err
		}
		total += ran
	}
	return total, nil
}

func (v *variant) close() error {
	var err error
	if v.conn != nil {
		err = v.conn.Close()
	}
	if v.owns {
		err = errors.Join(err, v.subject.Close())
	}
	return err
}
