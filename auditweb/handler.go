package auditweb

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/history"
)

// Handler serves the pages; make one with [New].
type Handler struct {
	db     *gorm.DB
	cfg    settings
	models models
	joins  history.FormatOption
	assets assets
	pages  pages
	slots  chan struct{}
	now    func() time.Time
}

var _ http.Handler = (*Handler)(nil)

// New returns the handler for the audit table of db: the plugin's, or audit_logs; see
// [Asking]. The rights that are needed are SELECT on it, and on the models' tables. The
// error wraps [ErrInvalidOption].
func New(db *gorm.DB, opts ...Option) (*Handler, error) {
	cfg := settings{title: "Audit trail", zone: time.UTC, log: slog.Default(), patience: 3 * time.Second, atOnce: 4}
	for _, o := range opts {
		o(&cfg)
	}
	if cfg.authorize == nil {
		cfg.fail("say with Authorize who may see the pages, or with Public that everybody may")
	}
	h := &Handler{db: db, slots: make(chan struct{}, max(1, cfg.atOnce)), now: time.Now}
	var err error
	if db == nil || db.Config == nil || db.Statement == nil || db.Dialector == nil {
		cfg.fail("no database")
	} else if h.models, err = modelsOf(db, cfg.models); err != nil {
		cfg.fail("Models: %w", err)
	} else if err = history.Text(io.Discard, nil, history.Names(cfg.names...)); err != nil {
		cfg.fail("%w", err) // each page would say so
	}
	if cfg.err != nil {
		return nil, cfg.err
	}
	h.cfg = cfg
	h.joins = history.Associations(db, cfg.models...)
	var assetsErr, pagesErr error
	h.assets, assetsErr = readAssets()
	h.pages, pagesErr = parsePages(h.assets)
	if err := errors.Join(assetsErr, pagesErr); err != nil {
		return nil, fmt.Errorf("auditplugin: pages: %w", err)
	}
	return h, nil
}
