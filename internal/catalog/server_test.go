package catalog

import (
	"context"
	"testing"
)

func TestParseServer(t *testing.T) {
	for _, test := range []struct {
		dialect, version, detail string
		want                     Server
	}{
		{"sqlite", "3.45.1", "", Server{Major: 3, Minor: 45, Patch: 1}},
		{"postgres", "PostgreSQL 15.4 (Debian 15.4-1.pgdg120+1) on x86_64-pc-linux-gnu", "150004", Server{Major: 15, Minor: 4}},
		{"postgres", "PostgreSQL 17beta2 on aarch64", "170000", Server{Major: 17}},
		{"postgres", "PostgreSQL 9.6.24 on x86_64", "90624", Server{Major: 9, Minor: 6, Patch: 24}},
		{"postgres", "CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu)", "130000", Server{Flavor: "CockroachDB", Major: 13}},
		{"postgres", "PostgreSQL 11.2-YB-2.18.0.0-b0 on x86_64", "110002", Server{Flavor: "YugabyteDB", Major: 11, Minor: 2}},
		{"postgres", "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.48", "", Server{Flavor: "Redshift", Major: 8, Patch: 2}},
		{"mysql", "8.0.36", "MySQL Community Server - GPL", Server{Major: 8, Patch: 36}},
		{"mysql", "8.0.36-0ubuntu0.22.04.1", "(Ubuntu)", Server{Major: 8, Patch: 36}},
		{"mysql", "10.11.6-MariaDB-0+deb12u1", "Debian 12", Server{MariaDB: true, Major: 10, Minor: 11, Patch: 6}},
		{"mysql", "5.5.5-10.6.12-MariaDB-log", "Source distribution", Server{MariaDB: true, Major: 10, Minor: 6, Patch: 12}},
		{"mysql", "11.4.2", "MariaDB Server", Server{MariaDB: true, Major: 11, Minor: 4, Patch: 2}},
		{"mysql", "8.0.11-TiDB-v7.5.0", "TiDB Server", Server{Flavor: "TiDB", Major: 8, Patch: 11}},
		{"mysql", "8.0.30-Vitess", "Version: 19.0.0", Server{Flavor: "Vitess", Major: 8, Patch: 30}},
	} {
		test.want.Dialect = test.dialect
		got, err := parseServer(test.dialect, test.version, test.detail)
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", test.version, got, err, test.want)
		}
	}
	if _, err := parseServer("mysql", "unversioned", ""); err == nil {
		t.Error("a text without a version is not an error")
	}
}

func TestServerAtLeast(t *testing.T) {
	s := Server{Major: 10, Minor: 5, Patch: 2}
	for _, test := range []struct {
		major, minor, patch int
		want                bool
	}{
		{10, 5, 2, true},
		{10, 5, 1, true},
		{10, 4, 9, true},
		{9, 9, 9, true},
		{10, 5, 3, false},
		{10, 6, 0, false},
		{11, 0, 0, false},
	} {
		if got := s.AtLeast(test.major, test.minor, test.patch); got != test.want {
			t.Errorf("AtLeast(%d, %d, %d) = %v", test.major, test.minor, test.patch, got)
		}
	}
}

func TestLoadServer(t *testing.T) {
	db, ctx := openTables(t), context.Background()
	got, err := LoadServer(ctx, db, "sqlite")
	if err != nil || got.Dialect != "sqlite" || !got.AtLeast(3, 37, 0) {
		t.Errorf("sqlite: %+v, %v", got, err)
	}
	if got, err := LoadServer(ctx, nil, "oracle"); err != nil || got != (Server{Dialect: "oracle"}) {
		t.Errorf("an unknown dialect: %+v, %v", got, err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := LoadServer(cancelled, db, "sqlite"); err == nil {
		t.Error("a cancelled context is not an error")
	}
}
