package auditlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/redact"
)

// The errors of this package, found with [errors.Is].
var (
	// ErrInvalidOption is wrapped by the errors of [New].
	ErrInvalidOption = errors.New("auditplugin: invalid option")
	// ErrImage is returned for a before or after that is no struct and no map with
	// text keys.
	ErrImage = errors.New("auditplugin: not a struct or a map with text keys")
	// ErrUnknownTag is an audit tag that is none of the known ones.
	ErrUnknownTag = redact.ErrUnknownTag
	// ErrHashKey is a hash tag without [WithHashKey].
	ErrHashKey = redact.ErrHashKey
	// ErrHashBool is a hash tag on a boolean, whose hash would tell it.
	ErrHashBool = redact.ErrHashBool
)

// minHashKey is the length in bytes that a hash key must have.
const minHashKey = 16

// Option configures [New].
type Option func(*config)

type config struct {
	application  string
	service      [3]string // name, version, environment
	writer       io.Writer
	emitters     []audit.Emitter
	redaction    redact.Config
	actor        func(context.Context) audit.Actor
	trace        func(context.Context) (traceID, spanID string)
	dropEqual    bool
	catalogue    *Catalogue
	errorHandler func(context.Context, error)
	errs         []error
}

func newConfig(opts []Option) (*config, error) {
	c := &config{application: filepath.Base(os.Args[0]), writer: os.Stdout}
	for _, opt := range opts {
		opt(c)
	}
	return c, errors.Join(c.errs...)
}

func (c *config) refuse(what string) {
	c.errs = append(c.errs, fmt.Errorf("%w: %s", ErrInvalidOption, what))
}

// WithApplication names the application: audit lines have the logger name
// "<name>.audit". The default is the program's file name.
func WithApplication(name string) Option {
	return func(c *config) {
		if c.application = name; name == "" {
			c.refuse("WithApplication needs a name")
		}
	}
}

// WithService writes service.name, service.version and service.environment to
// every audit line; empty ones are left out.
func WithService(name, version, environment string) Option {
	return func(c *config) { c.service = [3]string{name, version, environment} }
}

// WithWriter sends audit lines to w instead of standard output, one Write a line,
// never concurrently. Use [io.Discard] if only emitters should receive entries.
func WithWriter(w io.Writer) Option {
	return func(c *config) {
		if c.writer = w; w == nil {
			c.refuse("WithWriter needs a writer")
		}
	}
}

// WithEmitter also sends each entry to the given emitters, as a record: an entry
// that is no change has the action [audit.Event]. An emitter that needs a database
// must be bound to it first (emitter.Table().Bind(db)). An error of an emitter
// does not keep the line from being written.
func WithEmitter(emitters ...audit.Emitter) Option {
	return func(c *config) {
		for _, e := range emitters {
			if e == nil {
				c.refuse("WithEmitter was given nil")
				continue
			}
			c.emitters = append(c.emitters, e)
		}
	}
}

// WithHashKey sets the key of fields tagged audit:"hash", at least 16 bytes. Give
// the plugin the same key and the same values have the same hashes.
func WithHashKey(key []byte) Option {
	return func(c *config) {
		if len(key) < minHashKey {
			c.refuse("WithHashKey needs at least 16 bytes")
			return
		}
		c.redaction.HashKey = append([]byte(nil), key...)
	}
}

// WithActorFunc resolves the actor where [audit.WithActor] put none into the
// context. f must be safe for concurrent use.
func WithActorFunc(f func(ctx context.Context) audit.Actor) Option {
	return func(c *config) { c.actor = f }
}

// WithTraceFunc resolves trace and span id where [audit.WithTrace] put none into
// the context. f must be safe for concurrent use.
func WithTraceFunc(f func(ctx context.Context) (traceID, spanID string)) Option {
	return func(c *config) { c.trace = f }
}

// WithoutUnchanged leaves out updates in which nothing changed. By default they
// are entries with empty changes: that somebody saved without a change is
// something an audit may ask for.
func WithoutUnchanged() Option { return func(c *config) { c.dropEqual = true } }

// WithCatalogue names the events that there are: [Audit.Event] refuses others. [New] fails
// with [ErrHashKey] if one of them has a hash tag and there is no [WithHashKey].
func WithCatalogue(c Catalogue) Option {
	return func(o *config) { o.catalogue = &c }
}

// WithErrorHandler is told what went wrong with an entry: the writer's error, an
// emitter's, a tag that can not be kept. The default warns through the
// application's logger. f must be safe for concurrent use.
func WithErrorHandler(f func(ctx context.Context, err error)) Option {
	return func(c *config) { c.errorHandler = f }
}
