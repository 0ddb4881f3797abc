package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	auditplugin "github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/auditweb"
	"github.com/gorm-audit/auditplugin/history"
)

// runWeb fills a small shop with a year of changes and serves the viewer on addr, until
// ctx ends.
func runWeb(ctx context.Context, out io.Writer, addr string) (err error) {
	db, closeShop, err := openShop(ctx, time.Now().UTC())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeShop()) }()
	viewer, err := shopViewer(db)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/audit/", http.StripPrefix("/audit", viewer))
	mux.Handle("/{$}", http.RedirectHandler("/audit/", http.StatusFound))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The shop's audit trail is at http://%s/audit/ (Ctrl-C ends it)\n", listener.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// shopViewer shows everything to everybody: it listens on this machine only.
func shopViewer(db *gorm.DB) (http.Handler, error) {
	return auditweb.New(db,
		auditweb.Public(),
		auditweb.Title("Shop · audit trail"),
		auditweb.Models(shopModels()...),
		auditweb.Names(
			history.NameAssociation(db, &Order{}, "Customer", history.NameFrom(db, &Customer{}, "Name")),
			history.NameAssociation(db, &OrderLine{}, "Product", history.NameFrom(db, &Product{}, "Name")),
			history.NameAssociation(db, &Product{}, "Tags", history.NameFrom(db, &Tag{}, "Name")),
		),
		auditweb.Limits(20*time.Second, 4), // also on a machine that is busy with other things
		auditweb.Labels(map[string]string{"iban": "IBAN"}),
	)
}

// openShop makes the shop, in a temporary file, with a year behind it.
func openShop(ctx context.Context, now time.Time) (*gorm.DB, func() error, error) {
	dir, err := os.MkdirTemp("", "auditplugin-shop-")
	if err != nil {
		return nil, nil, err
	}
	fail := func(err error) (*gorm.DB, func() error, error) {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	file := filepath.Join(dir, "shop.db") + "?_foreign_keys=on&_synchronous=off&_journal_mode=wal"
	var y *year
	db, err := gorm.Open(sqlite.Open(file), &gorm.Config{Logger: logger.Discard, NowFunc: func() time.Time {
		if y == nil {
			return time.Now().UTC()
		}
		return y.now
	}})
	if err != nil {
		return fail(err)
	}
	plugin := auditplugin.New(auditplugin.WithApplication("shop"), auditplugin.WithLogger(slog.New(slog.DiscardHandler)))
	if err := errors.Join(db.AutoMigrate(shopModels()...), db.Use(plugin)); err != nil {
		return fail(err)
	}
	y = newYear(db, now)
	if err := y.live(ctx); err != nil {
		return fail(err)
	}
	if err := backdate(ctx, db, y.stamps); err != nil {
		return fail(err)
	}
	return db, func() error {
		pool, err := db.DB()
		if err == nil {
			err = errors.Join(plugin.Close(context.WithoutCancel(ctx)), pool.Close())
		}
		return errors.Join(err, os.RemoveAll(dir))
	}, nil
}

// backdate gives the records the shop's own times, and machine: the plugin wrote when and
// where they were made really, all within a few seconds. Nobody should do so with a trail that matters.
func backdate(ctx context.Context, db *gorm.DB, stamps []stamp) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit there is nothing to undo
	last := int64(0)
	for _, s := range stamps {
		_, err := tx.ExecContext(ctx, "UPDATE audit_logs SET occurred_at = ?, host = 'shop-1' WHERE seq > ? AND seq <= ?", s.at.UTC().Format("2006-01-02 15:04:05.000000+00:00"), last, s.seq)
		if err != nil {
			return err
		}
		last = s.seq
	}
	return tx.Commit()
}
