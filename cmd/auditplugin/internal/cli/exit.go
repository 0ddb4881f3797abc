package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/connect"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/settings"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/trigger"
)

// The exit codes.
const (
	exitYes         = 0
	exitNo          = 1 // findings of doctor; nothing found
	exitUsage       = 2
	exitDatabase    = 3
	exitRefused     = 4
	exitInterrupted = 130
)

const exitTopic = `Exit codes:

  0    done
  1    doctor or trigger check has found something; what was asked for is not there
       (asof, show, and, with --fail-empty, every other question)
  2    the command line makes no sense
  3    the database did not answer, or refused
  4    refused: the row has moved on, records of that time were pruned, a value is
       redacted, a subscriber is being served, what triggers are to hide is not known
  130  interrupted
`

var (
	// errUsage is a command line that makes no sense.
	errUsage = errors.New("")
	// errNone is a question that nothing answers; it was said already.
	errNone = errors.New("nothing found")
	// errFindings is a doctor who has found something; it was said already.
	errFindings = errors.New("findings")
)

// usage is an error about the command line.
func usage(format string, args ...any) error {
	return fmt.Errorf("%w"+format, append([]any{errUsage}, args...)...)
}

func exitCode(ctx context.Context, err error) int {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case err == nil, is(syscall.EPIPE, io.ErrClosedPipe):
		return exitYes // who reads has seen enough
	case ctx.Err() != nil:
		return exitInterrupted
	case is(errUsage, history.ErrInvalidQuery, history.ErrCursor, history.ErrNoKey, connect.ErrNoDatabase, connect.ErrDSN,
		connect.ErrPasswordShown, connect.ErrPasswordReadable, settings.ErrFile, output.ErrField, output.ErrQuery, emitter.ErrUnknownDialect, relay.ErrInvalidOption, alert.ErrInvalidRule, trigger.ErrInvalid):
		return exitUsage
	case is(errNone, errFindings, history.ErrNotFound, relay.ErrNoSubscriber):
		return exitNo
	case is(history.ErrConflict, history.ErrPruned, history.ErrRedacted, history.ErrUnknown, history.ErrErased,
		history.ErrBeforeTrail, history.ErrNotRevertible, history.ErrNoModel, history.ErrNotPartitioned, relay.ErrRunning, errOpen):
		return exitRefused
	}
	return exitDatabase
}

// message is what people read of an error: one line, without passwords.
func (s *session) message(err error) string {
	if err == nil || errors.Is(err, errFindings) {
		return ""
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "auditplugin: ", "")), " ")
	if missing(err) && s.db != nil && !errors.Is(err, relay.ErrTableMissing) && !errors.Is(err, alert.ErrTableMissing) {
		text = fmt.Sprintf("there is no table %q in %s: name another one with --audit-table, or ask auditplugin doctor", s.auditTable(), s.target.Name())
	}
	text = output.Visible(s.target.Scrub(text))
	if s.flags.debug {
		for e := err; e != nil; e = errors.Unwrap(e) {
			text += fmt.Sprintf("\n  %T: %s", e, output.Visible(s.target.Scrub(e.Error())))
		}
	}
	return text
}
