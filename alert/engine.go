package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// Engine applies rules to records and sends what they say. It is an
// [audit.Emitter]: give it to relay.Subscribe, or use [Run]. It is safe for
// concurrent use, and several processes may have one on the same table.
type Engine struct {
	store *store
	opts  settings
	gorm  *gorm.DB
	// current is replaced as a whole.
	current atomic.Pointer[config]
	// changed is signalled when current was replaced, woken when something was written.
	changed, woken chan struct{}
	running        atomic.Bool
	// once keeps Replace to one at a time.
	once sync.Mutex
}

// config is what Replace can change.
type config struct {
	rules    []*compiled
	channels map[string]Channel
	words    wording
	settings settings
}

// New makes an engine. It checks the rules, which may be none, against the channels,
// and creates the table audit_alerts in db unless it exists (see [NoCreate]). db must
// be the database that has the audit table. It reports all mistakes it finds, and
// fails with errors that wrap those of this package.
func New(db *gorm.DB, rules []Rule, channels map[string]Channel, opts ...Option) (*Engine, error) {
	s, err := newSettings(db, opts)
	if err != nil {
		return nil, err
	}
	if db == nil || db.Config == nil {
		return nil, wrong("no database")
	}
	c, err := newConfig(db, rules, channels, s)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if db.Statement != nil && db.Statement.Context != nil {
		ctx = db.Statement.Context
	}
	st, err := openStore(ctx, db, s.outbox, s.audit)
	if err != nil {
		return nil, err
	}
	st.clock = s.clock
	if err := st.ensure(ctx, s.create); err != nil {
		return nil, err
	}
	e := &Engine{store: st, opts: s, gorm: db, changed: make(chan struct{}, 1), woken: make(chan struct{}, 1)}
	e.current.Store(c)
	return e, nil
}

// Check reports everything that is wrong with the rules, without a table: what [New]
// would say. db may be nil if the options have no WithModels. If channels is nil,
// rules may name any.
func Check(db *gorm.DB, rules []Rule, channels map[string]Channel, opts ...Option) error {
	s, err := newSettings(db, opts)
	if err != nil {
		return err
	}
	_, err = newConfig(db, rules, channels, s)
	return err
}

func newConfig(db *gorm.DB, rules []Rule, channels map[string]Channel, s settings) (*config, error) {
	var models known
	var errs []error
	if len(s.models) > 0 {
		if db == nil || db.Config == nil {
			return nil, wrong("WithModels needs a database")
		}
		var err error
		if models, err = learn(db, s.models); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		if err := checkName(name); err != nil {
			errs = append(errs, wrong("channel name: %v", err))
		}
		if channels[name] == nil {
			errs = append(errs, wrong("channel %q is nil", name))
		}
	}
	c := &config{channels: maps.Clone(channels), words: s.words, settings: s}
	has := channelNames(channels)
	for _, q := range s.quiet {
		for _, name := range q.channels {
			if !has.has(name) {
				errs = append(errs, fmt.Errorf("quiet hours: %w", has.unknown(name)))
			}
		}
	}
	names := map[string]bool{}
	for _, r := range rules {
		compiled, err := compile(r, has, models, s.words)
		if names[r.name] && r.name != "" {
			err = errors.Join(err, invalid("the name %q is used twice", r.name))
		}
		names[r.name] = true
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.rules = append(c.rules, compiled)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// Replace changes the rules, the channels and how messages are worded (WithModels,
// WithLabels, WithTimeZone, WithTimeLayout, WithQuietHours; what is not given is at
// its default again; other options are refused). If anything is wrong with them, it
// says so and everything stays as it was. Messages that wait for a channel which is
// no longer there wait until it is.
func (e *Engine) Replace(rules []Rule, channels map[string]Channel, opts ...Option) error {
	s, err := newSettings(e.gorm, opts)
	if err != nil {
		return err
	}
	if len(s.fixed) > 0 {
		return wrong("Replace cannot change what was set by %s", strings.Join(s.fixed, ", "))
	}
	if channels == nil {
		channels = map[string]Channel{}
	}
	c, err := newConfig(e.gorm, rules, channels, s)
	if err != nil {
		return err
	}
	e.once.Lock()
	e.current.Store(c)
	e.once.Unlock()
	signal(e.changed)
	return nil
}

// Rules returns the rules in force.
func (e *Engine) Rules() []Rule {
	var rules []Rule
	for _, c := range e.current.Load().rules {
		rules = append(rules, c.rule)
	}
	return rules
}

// Emit applies the rules to the records and writes what is to be sent into the
// outbox, in one transaction. It sends nothing itself. Records it was given before
// do nothing. An error means that nothing was written.
func (e *Engine) Emit(ctx context.Context, records []audit.Record) error {
	c := e.current.Load()
	matches, err := e.matches(ctx, c, records)
	if err != nil || len(matches) == 0 {
		return err
	}
	written, err := e.store.write(ctx, matches, c.settings.quietOn)
	if err != nil {
		return err
	}
	if len(written) > 0 {
		signal(e.woken)
	}
	return nil
}

// matches finds what the rules say to the records.
func (e *Engine) matches(ctx context.Context, c *config, records []audit.Record) ([]match, error) {
	var all []match
	for i := range records {
		r := &records[i]
		for _, rule := range c.rules {
			if !rule.when.holds(r) {
				continue
			}
			m := match{rule: rule, record: r, dedupe: about(rule, r)}
			if rule.count != nil {
				told, err := e.toldAll(ctx, rule, m)
				if err != nil {
					return nil, err
				}
				if told {
					continue
				}
				if m.count, err = e.store.count(ctx, rule, r, 0); err != nil {
					return nil, err
				}
				if m.count <= rule.count.limit {
					continue
				}
			}
			var err error
			if m.texts, err = rule.render(c.words, r, m.count); err != nil {
				e.log().WarnContext(ctx, "auditplugin: alert template failed; the default text is sent",
					"rule", rule.rule.name, "record", r.ID, "error", errorText(err))
			}
			all = append(all, m)
		}
	}
	return all, nil
}

// toldAll reports whether a count was told of on all of the rule's channels already,
// which spares counting again for each record that follows.
func (e *Engine) toldAll(ctx context.Context, rule *compiled, m match) (bool, error) {
	d := rule.rule.silence()
	if d <= 0 {
		return false, nil
	}
	for _, channel := range rule.rule.channels {
		told, err := outbox{e.store, e.store.db}.told(ctx, channel, m.dedupe, m.record.Time, d)
		if err != nil || !told {
			return false, err
		}
	}
	return true, nil
}

func (e *Engine) log() *slog.Logger {
	if e.opts.logger != nil {
		return e.opts.logger
	}
	return slog.Default()
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
