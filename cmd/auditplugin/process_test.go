//go:build unix

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// program is this test's own binary, which TestMain makes the command.
func program(ctx context.Context, dsn string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1", "AUDIT_DSN="+dsn)
	return c
}

// filled is a shop with n more records.
func filled(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	must(t, shop(path))
	db, err := openShop(path)
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	e, err := emitter.Table(emitter.NoCreate()).Bind(db)
	must(t, err)
	tx, err := pool.Begin()
	must(t, err)
	records := make([]audit.Record, n)
	for i := range records {
		records[i] = update(now.Add(-time.Hour), "users", "user", "1", "bulk", audit.Change{Path: "phone", From: strconv.Itoa(i), To: strconv.Itoa(i + 1)})
		records[i].ID, records[i].SchemaVersion, records[i].Outcome = id(1000+i), audit.SchemaVersion, audit.Success
	}
	must(t, e.(audit.TxEmitter).EmitTx(t.Context(), tx, records))
	must(t, errors.Join(tx.Commit(), pool.Close()))
	return path
}

// A reader that has seen enough ends it, without a word.
func TestPipeThatCloses(t *testing.T) {
	c := program(t.Context(), "sqlite:"+filled(t, 5000), "trail", "users", "1", "-n", "0")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	if _, err := bufio.NewReaderSize(out, 16).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	must(t, out.Close())
	if err := c.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("it ended with %v: %s", err, stderr.String())
	}
}

var goOn = regexp.MustCompile(`--after (\S+)`)

// An interrupted export goes on without loss or double, and holds little in memory.
func TestExportGoesOn(t *testing.T) {
	const n = 20_000
	path := filled(t, n)
	for _, name := range []string{"all.ndjson", "all.csv", "all.ndjson.gz"} {
		t.Run(name, func(t *testing.T) {
			folder, after := t.TempDir(), ""
			interrupted := 0
			for try := 0; ; try++ {
				args := []string{"export", "-o", name}
				if after != "" {
					args = append(args, "--after", after)
				}
				c := program(t.Context(), "sqlite:"+path, args...)
				c.Dir = folder
				var stderr bytes.Buffer
				c.Stderr = &stderr
				must(t, c.Start())
				timer := time.AfterFunc(time.Duration(300+100*try)*time.Millisecond, func() {
					if try < 3 {
						_ = c.Process.Signal(os.Interrupt)
					}
				})
				held := held(c.Process.Pid)
				err := c.Wait()
				timer.Stop()
				if err == nil {
					if mib := held(); mib > 64 {
						t.Errorf("it held %d MiB", mib)
					} else {
						t.Logf("%d MiB at most", mib)
					}
					break
				}
				if c.ProcessState.ExitCode() != 130 {
					t.Fatalf("%v: %s", err, stderr.String())
				}
				if m := goOn.FindStringSubmatch(stderr.String()); m != nil {
					after = m[1]
					interrupted++
				}
			}
			if interrupted == 0 {
				t.Log("it was not interrupted: the machine is too fast, or too slow")
			}
			if _, err := os.Stat(filepath.Join(folder, name+".part")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the part is still there: %v", err)
			}
			lines, seen := 0, map[string]bool{}
			for _, line := range strings.Split(strings.TrimSpace(read(t, filepath.Join(folder, name))), "\n") {
				lines++
				seen[line] = true
			}
			want := n + 9
			if strings.HasPrefix(name, "all.csv") {
				want++ // the header
			}
			if lines != want || len(seen) != want {
				t.Errorf("%d lines, %d different ones, want %d; interrupted %d times", lines, len(seen), want, interrupted)
			}
		})
	}
}

var peak = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// held watches how much memory a process has; what is returned ends that and tells the
// most, in MiB. Where there is no /proc it is 0.
func held(pid int) (most func() int) {
	stop, last := make(chan struct{}), make(chan int)
	go func() {
		kib := 0
		for {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if m := peak.FindSubmatch(text); err == nil && m != nil {
				kib, _ = strconv.Atoi(string(m[1])) // digits
			}
			select {
			case <-stop:
				last <- kib >> 10
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() int {
		close(stop)
		return <-last
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		in, err = gzip.NewReader(f)
		must(t, err)
	}
	text, err := io.ReadAll(in)
	must(t, err)
	return string(text)
}

// The list of processes has no password while it runs, and neither has what a server
// answers to a wrong one.
func TestPasswordIsNowhere(t *testing.T) {
	dsn := os.Getenv("AUDIT_POSTGRES_DSN")
	if dsn == "" {
		t.Skip("AUDIT_POSTGRES_DSN is not set")
	}
	secret := fmt.Sprintf("pw-%d", time.Now().UnixNano())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	wrong := regexp.MustCompile(`//[^@]*@`).ReplaceAllString(dsn, "//nobody:"+secret+"@")
	c := program(ctx, wrong, "search", "--debug")
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	must(t, c.Start())
	title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.Process.Pid))
	if err == nil && bytes.Contains(title, []byte(secret)) {
		t.Errorf("the process is called %q", title)
	}
	if err := c.Wait(); err == nil {
		t.Error("a user that is not there may ask")
	}
	if strings.Contains(output.String(), secret) || c.ProcessState.ExitCode() != 3 {
		t.Errorf("exit code %d: %s", c.ProcessState.ExitCode(), output.String())
	}
}
