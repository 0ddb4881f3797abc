// Command proof runs all of the proof tests in full and prints what they counted
// for each database. It fails if a test fails, if a count that must be zero is not,
// or if fewer operations were run than asked for.
//
//	go run ./test/integration/cmd/proof
//	go run ./test/integration/cmd/proof -operations 100000 -seed 0
//
// SQLite is always there; PostgreSQL and MariaDB are those that AUDIT_POSTGRES_DSN
// and AUDIT_MYSQL_DSN name.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorm-audit/auditplugin/test/integration/summary"
)

const module = "github.com/gorm-audit/auditplugin/test/integration"

func main() {
	operations := flag.Int("operations", 20000, "random operations per database")
	seed := flag.Uint64("seed", 1, "seed of the histories; 0 draws one")
	kills := flag.Int("kills", 70, "killed processes per database")
	shares := flag.Int("shares", 2, "processes among which the operations are divided, each with a seed of its own; they run at the same time")
	only := flag.String("packages", "proof,oracle,crash,concurrency,leaks", "packages to run, by name")
	flag.Parse()
	if err := run(*operations, *shares, *seed, *kills, strings.Split(*only, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

func run(operations, shares int, seed uint64, kills int, names []string) error {
	if operations < 1 || shares < 1 {
		return errors.New("operations and shares start at 1")
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("where is %s: %w", module, err)
	}
	root := strings.TrimSpace(string(out))
	folder, err := os.MkdirTemp("", "proof")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file := filepath.Join(folder, "summary.jsonl")

	var failed []string
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(root, name)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no package %s", name)
		}
		start := time.Now()
		env := append(os.Environ(), summary.Env+"="+file, "AUDIT_PROOF_FULL=1", "AUDIT_PROOF_KILLS="+strconv.Itoa(kills))
		var err error
		if name == "proof" {
			err = histories(root, env, operations, shares, seed)
		} else {
			err = test(root, env, name)
		}
		if err != nil {
			failed = append(failed, name)
		}
		fmt.Printf("%s: %.0f s\n", name, time.Since(start).Seconds())
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("no test counted anything: %w", err)
	}
	defer func() { _ = f.Close() }()
	total, err := summary.Read(f)
	if err != nil {
		return err
	}
	fmt.Println()
	if err := total.Write(os.Stdout); err != nil {
		return err
	}
	failed = append(failed, total.Wrong()...)
	for database, counts := range total {
		if n, ok := counts[summary.Operations]; ok && n < int64(operations) {
			failed = append(failed, fmt.Sprintf("%s: only %d operations", database, n))
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, "; "))
	}
	return nil
}

// test runs the tests of a package.
func test(root string, env []string, name string, args ...string) error {
	cmd := exec.Command("go", append([]string{"test", "-count=1", "-timeout=60m", "./" + name}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = root, env, os.Stdout, os.Stderr
	return cmd.Run()
}

// histories runs the random histories in several processes. One at a time, they would
// wait for the databases' disks most of the time.
func histories(root string, env []string, operations, shares int, seed uint64) error {
	errs := make([]error, shares)
	var running sync.WaitGroup
	for i := range shares {
		running.Go(func() {
			own := seed
			if seed > 0 {
				own += uint64(i)
			}
			args := []string{"-rapid.nofailfile", "-rapid.seed=" + strconv.FormatUint(own, 10)}
			if i > 0 {
				args = append(args, "-run", "^TestRandomHistories") // the others once
			}
			n := operations / shares
			if i < operations%shares {
				n++
			}
			errs[i] = test(root, append(slices.Clone(env), "AUDIT_PROOF_OPERATIONS="+strconv.Itoa(n)), "proof", args...)
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
