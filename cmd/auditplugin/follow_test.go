package main

import (
	"bufio"
	"context"
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
)

func parse(dsn string) (connect.Target, error) { return connect.Parse(dsn) }

// What tail -f shows beside many writers, some of whom roll back, is exactly what is in
// the table in the end.
func TestTailFollows(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		for i := range 16 {
			must(t, db.Create(&account{Name: fmt.Sprint("account ", i), Born: time.Now()}).Error)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		read, write := io.Pipe()
		a := cli.App{Stdin: strings.NewReader(""), Stdout: write, Stderr: io.Discard, Getenv: func(n string) string {
			return map[string]string{"AUDIT_DSN": db.dsn}[n]
		}, Now: time.Now, Zone: time.UTC}
		ended := make(chan int, 1)
		go func() {
			ended <- a.Run(ctx, []string{"tail", "-f", "-n", "3", "-o", "ndjson"})
			_ = write.Close() // of a pipe
		}()
		lines := bufio.NewScanner(read)
		lines.Buffer(nil, 1<<20)
		var seen []string
		next := func() {
			t.Helper()
			if !lines.Scan() {
				t.Fatalf("it ended: %v", lines.Err())
			}
			var r struct{ ID string }
			must(t, json.Unmarshal(lines.Bytes(), &r))
			seen = append(seen, r.ID)
		}
		for range 3 {
			next()
		}
		began := time.Now()
		var writers sync.WaitGroup
		for w := range 16 {
			writers.Go(func() {
				for i := range 12 {
					tx := db.Begin()
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
		var want []string
		must(t, db.Raw("SELECT id FROM audit_logs WHERE action = 'update'").Scan(&want).Error)
		stop := time.AfterFunc(30*time.Second, cancel)
		defer stop.Stop()
		for len(seen) < 3+len(want) {
			next()
		}
		t.Logf("%d records in %s", len(want), time.Since(began).Round(time.Millisecond))
		cancel()
		for lines.Scan() {
			seen = append(seen, lines.Text())
		}
		got := slices.Clone(seen[3:])
		slices.Sort(got)
		slices.Sort(want)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%d records shown, %d are there", len(got), len(want))
		}
		if code := <-ended; code != 130 {
			t.Errorf("exit code %d", code)
		}
	})
}
