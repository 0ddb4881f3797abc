package alert_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// What a child process is told by its environment.
const (
	childMode    = "AUDIT_ALERT_CHILD"
	childDialect = "AUDIT_ALERT_DIALECT"
	childDSN     = "AUDIT_ALERT_DSN"
	childURL     = "AUDIT_ALERT_URL"
)

// The modes of a child.
const (
	// commits commits one change, says so, and waits to be killed.
	commits = "commits"
	// sends does so too, and its channel says so and hangs before it sends.
	sends = "sends"
	// works changes rows and sends messages until it is killed.
	works = "works"
)

// TestMain is the test, or a process that a test kills.
func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		if err := child(mode); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// startChild runs this binary again on the database. It is killed when the test ends.
func startChild(t *testing.T, mode string, db *testdb.DB, url string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childMode+"="+mode, childDialect+"="+db.Target.Dialect, childDSN+"="+db.DSN, childURL+"="+url)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if killed {
			return
		}
		killed = true
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if cmd.ProcessState.Exited() {
			t.Errorf("the child ended by itself: %s", out.String())
		}
	}
	t.Cleanup(kill)
	return kill
}

func child(mode string) error {
	db, err := gorm.Open(testdb.Dialector(os.Getenv(childDialect), os.Getenv(childDSN)), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return err
	}
	if err := db.Use(auditplugin.New()); err != nil {
		return err
	}
	if mode != commits {
		if err := background(mode, db); err != nil {
			return err
		}
	}
	ctx := audit.WithActor(context.Background(), audit.Actor{ID: "child", Type: "service"})
	for i := 0; ; i++ {
		user := &User{ID: uint(i%3 + 1)}
		err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(user).Update("mfa_phone", fmt.Sprint("back ", os.Getpid(), " ", i)).Error; err != nil {
				return err
			}
			return errBack
		})
		if !errors.Is(err, errBack) {
			return err
		}
		if err := db.WithContext(ctx).Model(user).Update("mfa_phone", fmt.Sprint(os.Getpid(), " ", i)).Error; err != nil {
			return err
		}
		if mode == commits {
			if err := post("/committed", nil); err != nil {
				return err
			}
		}
		if mode != works {
			time.Sleep(time.Hour)
		}
	}
}

// background runs the relay and the engine.
func background(mode string, db *gorm.DB) error {
	channel := alert.Func(func(_ context.Context, m alert.Message) error {
		if mode == sends {
			if err := post("/sending", m); err != nil {
				return err
			}
			time.Sleep(time.Hour)
		}
		return post("/message", m)
	})
	e, err := alert.New(db, []alert.Rule{mfaRule()}, map[string]alert.Channel{"inbox": channel}, quick()...)
	if err != nil {
		return err
	}
	r, err := relay.New(db, relay.PollEvery(10*time.Millisecond), relay.LeaseFor(time.Second), relay.WithLogger(quiet()))
	if err != nil {
		return err
	}
	go func() { _ = alert.Run(context.Background(), r, e) }()
	return nil
}

func post(path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	response, err := http.Post(os.Getenv(childURL)+path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	return response.Body.Close()
}
