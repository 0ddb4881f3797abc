package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/relay/pgnotify"
)

type account struct {
	ID    uint
	Phone string
}

// way is a way of waking a relay.
type way struct {
	name    string
	emitter func() (audit.Emitter, relay.Waker)
	listen  bool
	trigger bool
}

func ways() []way {
	return []way{
		{name: "polling every 500 ms"},
		{name: "relay.Notifier, same process", emitter: func() (audit.Emitter, relay.Waker) {
			n := relay.NewNotifier()
			return n, n
		}},
		{name: "pgnotify.Notify, after commit", listen: true, emitter: func() (audit.Emitter, relay.Waker) { return pgnotify.Notify(), nil }},
		{name: "pgnotify.Trigger, inside the transaction", listen: true, trigger: true},
	}
}

// world is a schema with the plugin installed and a relay beside it.
type world struct {
	writers *gorm.DB
	readers *gorm.DB
	plugin  *auditplugin.Plugin
	relay   *relay.Relay
	admin   *gorm.DB
	schema  string
}

func newWorld(s settings, w way) (_ *world, err error) {
	x := &world{schema: fmt.Sprintf("relay_bench_%d", time.Now().UnixNano())}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.close())
		}
	}()
	if x.admin, err = open(s.dsn); err != nil {
		return nil, err
	}
	if err := x.admin.Exec("CREATE SCHEMA " + x.schema).Error; err != nil {
		return nil, err
	}
	u, err := url.Parse(s.dsn)
	if err != nil {
		return nil, errors.New("AUDIT_POSTGRES_DSN is not a URL")
	}
	q := u.Query()
	q.Set("search_path", x.schema)
	u.RawQuery = q.Encode()
	if x.writers, err = open(u.String()); err != nil {
		return nil, err
	}
	if x.readers, err = open(u.String()); err != nil {
		return nil, err
	}
	emitters := []audit.Emitter{emitter.Table()}
	options := []relay.Option{relay.WithLogger(quiet())}
	channel := pgnotify.Channel(x.schema)
	if w.emitter != nil {
		e, waker := w.emitter()
		if w.listen {
			e = pgnotify.Notify(channel)
		}
		emitters = append(emitters, e)
		if waker != nil {
			options = append(options, relay.WithWaker(waker))
		}
	}
	if w.listen {
		options = append(options, relay.WithWaker(pgnotify.Listen(u.String(), channel)))
	}
	x.plugin = auditplugin.New(auditplugin.WithEmitter(emitters...), auditplugin.WithLogger(quiet()))
	if err := errors.Join(x.writers.Use(x.plugin), x.writers.AutoMigrate(&account{})); err != nil {
		return nil, err
	}
	if w.trigger {
		if err := x.admin.Exec("SET search_path TO " + x.schema + "; " + pgnotify.Trigger(x.schema+".audit_logs", channel)).Error; err != nil {
			return nil, err
		}
	}
	x.relay, err = relay.New(x.readers, options...)
	return x, err
}

func open(dsn string) (*gorm.DB, error) {
	db, err := gorm.Open(postgres.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxIdleConns(32)
	return db, nil
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func (x *world) close() error {
	var errs []error
	if x.plugin != nil {
		errs = append(errs, x.plugin.Close(context.Background()))
	}
	if x.admin != nil {
		errs = append(errs, x.admin.Exec("SET client_min_messages = warning; DROP SCHEMA IF EXISTS "+x.schema+" CASCADE").Error)
	}
	for _, db := range []*gorm.DB{x.writers, x.readers, x.admin} {
		if db == nil {
			continue
		}
		if pool, err := db.DB(); err == nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}
