package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/cli"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/connect"
	"github.com/gorm-audit/auditplugin/emitter"
)

func parse(dsn string) (connect.Target, error) { return connect.Parse(dsn) }

// tailing is a tail -f that runs.
type tailing struct {
	lines *bufio.Scanner
	ended chan int
	stop  func()
}

func (d database) tail(t *testing.T, args ...string) *tailing {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	a := cli.App{Stdin: strings.NewReader(""), Stdout: write, Stderr: io.Discard, Getenv: func(n string) string {
		return map[string]string{"AUDIT_DSN": d.dsn}[n]
	}, Now: time.Now, Zone: time.UTC}
	f := &tailing{lines: bufio.NewScanner(read), ended: make(chan int, 1), stop: cancel}
	f.lines.Buffer(nil, 1<<20)
	go func() {
		f.ended <- a.Run(ctx, append([]string{"tail", "-f"}, args...))
		_ = write.Close() // of a pipe
	}()
	t.Cleanup(cancel)
	return f
}

// next is the next line, which is awaited.
func (f *tailing) next(t *testing.T) string {
	t.Helper()
	if !f.lines.Scan() {
		t.Fatalf("it ended: %v", f.lines.Err())
	}
	return f.lines.Text()
}

// end interrupts it, and returns what it had still to say.
func (f *tailing) end(t *testing.T) (rest []string) {
	t.Helper()
	f.stop()
	for f.lines.Scan() {
		rest = append(rest, f.lines.Text())
	}
	if code := <-f.ended; code != 130 {
		t.Errorf("exit code %d", code)
	}
	return rest
}

// accounts makes n accounts.
func (d database) accounts(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		must(t, d.Create(&account{Name: fmt.Sprint("account ", i), Born: time.Now()}).Error)
	}
}

// write has 16 writers change an account each, some of whom roll back, and returns the
// ids of the records that there are then.
func (d database) write(t *testing.T) (ids []string) {
	t.Helper()
	var writers sync.WaitGroup
	for w := range 16 {
		writers.Go(func() {
			for i := range 12 {
				tx := d.Begin()
				err := tx.Model(&account{ID: uint(w + 1)}).Update("phone", fmt.Sprint(w, "/", i)).Error
				time.Sleep(time.Duration((w*5+i*3)%7) * time.Millisecond)
				if err != nil || (w+i)%4 == 0 {
					tx.Rollback()
					continue
				}
				if err := tx.Commit().Error; err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	must(t, d.Raw("SELECT id FROM audit_logs WHERE action = 'update'").Scan(&ids).Error)
	return ids
}

// early writes a record of an update, whose transaction is under way until commit is called.
func (d database) early(t *testing.T) (commit func() error) {
	t.Helper()
	pool, err := d.DB.DB()
	must(t, err)
	// Under another level MariaDB locks what it copies from, and the place behind it.
	tx, err := pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	must(t, err)
	t.Cleanup(func() { _ = tx.Rollback() }) // unless it is committed
	names, from := []string{}, []string{}
	for _, name := range emitter.Columns() {
		value := d.Statement.Quote(name)
		if name == "seq" {
			continue
		}
		names = append(names, value)
		switch name {
		case "id":
			value = "'" + id(1) + "'"
		case "action":
			value = "'update'"
		}
		from = append(from, value)
	}
	_, err = tx.Exec("INSERT INTO audit_logs (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(from, ", ") + " FROM audit_logs WHERE record_id = '1'")
	must(t, err)
	return tx.Commit
}

// same compares ids in any order.
func same(t *testing.T, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%d records shown, %d are there", len(got), len(want))
	}
}

// What tail -f shows beside many writers, some of whom roll back, is exactly what is in
// the table in the end.
func TestTailFollows(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		db.accounts(t, 16)
		f := db.tail(t, "-n", "3", "-o", "ndjson")
		id := func() string {
			var r struct{ ID string }
			must(t, json.Unmarshal([]byte(f.next(t)), &r))
			return r.ID
		}
		for range 3 {
			id()
		}
		began := time.Now()
		want := db.write(t)
		stop := time.AfterFunc(30*time.Second, f.stop)
		defer stop.Stop()
		var seen []string
		for range want {
			seen = append(seen, id())
		}
		t.Logf("%d records in %s", len(want), time.Since(began).Round(time.Millisecond))
		same(t, append(seen, f.end(t)...), want)
	})
}

// With --from-now nothing is shown that was there, and everything that commits from then
// on, also of a transaction that was under way. An expression is asked of each record as
// it comes.
func TestTailFromNow(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		db.accounts(t, 16)
		early := func() error { return nil }
		if db.Name() != "sqlite" { // which has one writer at a time
			early = db.early(t)
			db.accounts(t, 1)
		}
		f := db.tail(t, "--from-now", "--jq", `[.action, .id][]`)
		// It has begun as soon as it shows a record that was made since.
		probes, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				if err := db.Delete(&account{ID: 1000}).Error; err != nil {
					t.Error(err)
				}
				if err := db.Create(&account{ID: 1000, Name: "probe", Born: time.Now()}).Error; err != nil {
					t.Error(err)
				}
				select {
				case <-probes:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()
		stop := time.AfterFunc(30*time.Second, f.stop)
		defer stop.Stop()
		first := f.next(t)
		var old []string
		must(t, db.Raw("SELECT id FROM audit_logs WHERE action = 'create' AND record_id <> '1000'").Scan(&old).Error)
		close(probes)
		go func() {
			<-stopped
			if err := early(); err != nil {
				t.Error(err)
			}
			db.write(t)
			if err := db.Create(&account{ID: 2000, Name: "last", Born: time.Now()}).Error; err != nil {
				t.Error(err)
			}
		}()
		var updates []string
		action := first
		for {
			id := strings.Trim(f.next(t), `"`)
			if slices.Contains(old, id) {
				t.Errorf("%s is shown, which was there before", id)
			}
			if action == `"update"` {
				updates = append(updates, id)
			}
			var row string
			must(t, db.Raw("SELECT record_id FROM audit_logs WHERE id = ?", id).Scan(&row).Error)
			if row == "2000" {
				break
			}
			action = f.next(t)
		}
		var want []string
		must(t, db.Raw("SELECT id FROM audit_logs WHERE action = 'update'").Scan(&want).Error)
		for len(updates) < len(want) { // what commits behind larger numbers
			if action = f.next(t); action == `"update"` {
				updates = append(updates, strings.Trim(f.next(t), `"`))
			} else {
				f.next(t)
			}
		}
		for _, line := range f.end(t) {
			if line == `"update"` {
				t.Error("an update is shown twice")
			}
		}
		same(t, updates, want)
	})
}
