package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

// server is what a database says of itself.
type server struct {
	// label is its name, version its version.
	label, version string
	// settings say how durable a commit is.
	settings []string
}

// describe asks the database.
func describe(s *subject.Subject) (server, error) {
	queries := map[subject.Kind][2]string{
		subject.SQLite:   {"SELECT sqlite_version()", ""},
		subject.Postgres: {"SHOW server_version", "SELECT name || ' = ' || setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name"},
		subject.MySQL: {"SELECT version()", "SELECT LOWER(CONCAT(variable_name, ' = ', variable_value)) FROM information_schema.global_variables " +
			"WHERE variable_name IN ('innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin') ORDER BY variable_name"},
	}[s.Place.Kind]
	d := server{label: map[subject.Kind]string{subject.SQLite: "SQLite", subject.Postgres: "PostgreSQL", subject.MySQL: "MySQL"}[s.Place.Kind]}
	if err := s.Pool().QueryRow(queries[0]).Scan(&d.version); err != nil {
		return server{}, err
	}
	switch {
	case s.Place.Kind == subject.SQLite:
		var mode, synchronous string
		if err := s.Pool().QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil {
			return server{}, err
		}
		if err := s.Pool().QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil {
			return server{}, err
		}
		name := map[string]string{"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}[synchronous]
		d.settings = []string{"journal_mode = " + mode, "synchronous = " + name}
		return d, nil
	case strings.Contains(d.version, "MariaDB"):
		d.label = "MariaDB"
	case s.Place.Kind == subject.MySQL:
		queries[1] = strings.Replace(queries[1], "information_schema.", "performance_schema.", 1)
	}
	rows, err := s.Pool().Query(queries[1])
	if err != nil {
		return server{}, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var setting string
		if err := rows.Scan(&setting); err != nil {
			return server{}, err
		}
		d.settings = append(d.settings, setting)
	}
	return d, rows.Err()
}

// load is how many processes wanted a processor in the last minute; negative where
// the system does not say.
func load() float64 {
	var x float64
	if _, err := fmt.Sscan(firstMatch("/proc/loadavg", `^([\d.]+)`), &x); err != nil {
		return -1
	}
	return x
}

// warnIfBusy warns about numbers that will not repeat.
func warnIfBusy(w io.Writer) {
	if x := load(); x > 0.5 {
		fmt.Fprintf(w, "the machine is busy (load %.1f of %d cores): ratios will scatter\n", x, runtime.NumCPU())
	}
}

// machine is what a reader needs to know of the computer, and no more: not its name.
func machine() []string {
	facts := []string{fmt.Sprintf("%s, %d cores, %s/%s", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)}
	if kib := firstMatch("/proc/meminfo", `MemTotal:\s+(\d+) kB`); kib != "" {
		var n float64
		if _, err := fmt.Sscan(kib, &n); err == nil {
			facts = append(facts, fmt.Sprintf("%.0f GiB of memory", n/(1<<20)))
		}
	}
	if kernel := firstMatch("/proc/sys/kernel/osrelease", `^(\d+(?:\.\d+)*)`); kernel != "" {
		facts = append(facts, "Linux "+kernel)
	}
	return facts
}

func cpuModel() string {
	if model := firstMatch("/proc/cpuinfo", `model name\s*:\s*(.+)`); model != "" {
		return strings.Join(strings.Fields(model), " ")
	}
	return "an unnamed processor"
}

func firstMatch(file, pattern string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		return ""
	}
	return string(found[1])
}

// versions lists Go and the modules that the numbers depend on.
func versions() []string {
	all := []string{strings.Replace(runtime.Version(), "go", "Go ", 1)}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return all
	}
	for _, d := range info.Deps {
		switch d.Path {
		case "gorm.io/gorm", "gorm.io/driver/sqlite", "gorm.io/driver/postgres", "gorm.io/driver/mysql",
			"github.com/mattn/go-sqlite3", "github.com/jackc/pgx/v5", "github.com/go-sql-driver/mysql":
			all = append(all, d.Path+" "+d.Version)
		}
	}
	return all
}
