package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Variables that make the test binary a relay process.
const (
	childDialect = "AUDIT_TEST_RELAY_DIALECT"
	childDSN     = "AUDIT_TEST_RELAY_DSN"
	childFile    = "AUDIT_TEST_RELAY_FILE"
)

func TestMain(m *testing.M) {
	if os.Getenv(childFile) != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// line is what a relay process writes of a record that it delivers.
type line struct {
	Process int
	Seq     int64
	ID, Key string
}

// child runs a relay whose sink appends to a file, until it is killed.
func child() error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test is gone
		os.Exit(1)
	}()
	var db *gorm.DB
	var r *relay.Relay
	var err error
	// The server may have no connection to spare for a while.
	for range 50 {
		db, err = gorm.Open(testdb.Dialector(os.Getenv(childDialect), os.Getenv(childDSN)), &gorm.Config{Logger: logger.Discard})
		if err == nil {
			r, err = relay.New(db, relay.PollEvery(10*time.Millisecond), relay.LeaseFor(time.Second),
				relay.SettleAfter(500*time.Millisecond), relay.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
		}
		if err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	file, err := os.OpenFile(os.Getenv(childFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = r.Subscribe("file", emitter.Func(func(_ context.Context, records []audit.Record) error {
		if rand.N(50) == 0 {
			return errors.New("now and then a sink fails")
		}
		var text []byte
		for _, rec := range records {
			one, err := json.Marshal(line{os.Getpid(), rec.Seq, rec.ID, rec.Table + " " + rec.RecordID})
			if err != nil {
				return err
			}
			text = append(append(text, one...), '\n')
		}
		_, err := file.Write(text) // one write, so that a kill does not cut it
		return err
	}), relay.Batch(50), relay.Retry(0, time.Millisecond, 5*time.Millisecond))
	if err != nil {
		return err
	}
	return r.Run(context.Background())
}

// Writers whose transactions overlap, wait and roll back, and relay processes that
// are killed again and again: every committed record arrives, in order per row.
func TestKillsUnderLoad(t *testing.T) {
	duration := 4 * time.Second
	if text := os.Getenv("AUDIT_RELAY_LOAD"); text != "" {
		var err error
		duration, err = time.ParseDuration(text)
		must(t, err)
	}
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		db := open(t, g, 20)
		file := filepath.Join(t.TempDir(), "delivered")
		ctx, cancel := context.WithCancel(context.Background())
		var processes sync.WaitGroup
		t.Cleanup(func() { cancel(); processes.Wait() })
		var kills atomic.Int32
		for range 2 {
			processes.Go(func() { killAgainAndAgain(ctx, t, g, db.DSN, file, &kills) })
		}
		writeForAWhile(t, db.DB, duration)
		r := newRelay(t, db.DB)
		eventually(t, "everything delivered", func() bool { return kills.Load() >= 4 && stats(t, r, "file").Lag == 0 })
		cancel()
		processes.Wait()
		checkDelivered(t, db, file, int(kills.Load()))
	})
}

// killAgainAndAgain keeps a relay process running, but never for long.
func killAgainAndAgain(ctx context.Context, t *testing.T, g testdb.Target, dsn, file string, kills *atomic.Int32) {
	for ctx.Err() == nil {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDialect+"="+g.Dialect, childDSN+"="+dsn, childFile+"="+file)
		if _, err := cmd.StdinPipe(); err != nil {
			t.Error(err)
			return
		}
		var said strings.Builder
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Error(err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(500*time.Millisecond + rand.N(2*time.Second)):
			kills.Add(1)
		}
		_ = cmd.Process.Kill()
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
			t.Errorf("a relay process ended by itself: %v\n%s", err, said.String())
			return
		}
	}
}

// writeForAWhile changes few rows from many sides.
func writeForAWhile(t *testing.T, db *gorm.DB, duration time.Duration) {
	rollback := errors.New("rolled back on purpose")
	var committed, failed atomic.Int64
	var writers sync.WaitGroup
	end := time.Now().Add(duration)
	for range 8 {
		writers.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				err := db.Transaction(func(tx *gorm.DB) error {
					// In order, so that few transactions end in a deadlock.
					ids := []uint{1 + rand.N(uint(20)), 1 + rand.N(uint(20)), 1 + rand.N(uint(20))}
					slices.Sort(ids)
					for _, id := range ids[:1+rand.N(3)] {
						if err := tx.Model(&account{ID: id}).Update("phone", fmt.Sprint(rand.Uint64())).Error; err != nil {
							return err
						}
						if rand.N(3) == 0 { // take numbers now, and commit later
							var n int64
							if err := tx.Table("audit_logs").Count(&n).Error; err != nil {
								return err
							}
						}
						time.Sleep(rand.N(10 * time.Millisecond))
					}
					if rand.N(6) == 0 {
						return rollback
					}
					return nil
				})
				if err == nil {
					committed.Add(1)
				} else if !errors.Is(err, rollback) {
					failed.Add(1) // a deadlock, most likely: rolled back
				}
			}
		})
	}
	writers.Wait()
	t.Logf("%d transactions committed, %d failed", committed.Load(), failed.Load())
	if committed.Load() < 20 {
		t.Errorf("only %d transactions committed, %d failed", committed.Load(), failed.Load())
	}
}

// checkDelivered compares what the processes wrote with the audit table.
func checkDelivered(t *testing.T, db *testdb.DB, file string, kills int) {
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	first := make(map[int64]bool)
	last := make(map[string]int64)
	lines := 0
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatalf("line %q: %v", scanner.Text(), err)
		}
		lines++
		if first[l.Seq] {
			continue // again, after a kill or an error
		}
		first[l.Seq] = true
		if l.Seq < last[l.Key] {
			t.Errorf("%s: number %d came after %d", l.Key, l.Seq, last[l.Key])
		}
		last[l.Key] = l.Seq
	}
	must(t, scanner.Err())
	rows, err := db.Raw.Query("SELECT seq FROM audit_logs ORDER BY seq")
	must(t, err)
	defer rows.Close()
	committed, skipped := 0, 0
	for rows.Next() {
		var seq int64
		must(t, rows.Scan(&seq))
		committed++
		if !first[seq] {
			skipped++
		}
	}
	must(t, rows.Err())
	t.Logf("%d records, %d deliveries, %d kills", committed, lines, kills)
	if skipped > 0 {
		t.Errorf("%d of %d records were skipped", skipped, committed)
	}
	if len(first) != committed {
		t.Errorf("%d records delivered, %d in the table", len(first), committed)
	}
}
