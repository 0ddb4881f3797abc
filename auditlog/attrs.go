package auditlog

import (
	"log/slog"
	"runtime"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// Outcome says whether what an entry tells took place: event.outcome, and the
// record's Outcome. Changes are a success unless it says otherwise; a free-text
// entry without one has the outcome [audit.Unknown].
func Outcome(o audit.Outcome) slog.Attr { return slog.String("event.outcome", string(o)) }

// Action names what happened, in the application's words: event.action, such as
// "user.sign_in".
func Action(name string) slog.Attr { return slog.String("event.action", name) }

// Category sorts the entry by the values ECS knows for event.category, such as
// "authentication" or "iam".
func Category(names ...string) slog.Attr { return slog.Any("event.category", names) }

// About names what a free-text entry is about: changes.record_type and
// changes.record_id.
func About(recordType, recordID string) slog.Attr {
	return slog.Group("changes", "record_type", recordType, "record_id", recordID)
}

// ID gives the key of what changed: changes.record_id. Without it, records for
// emitters take the value called "id" or "ID".
func ID(recordID string) slog.Attr { return slog.String("changes.record_id", recordID) }

// maxFrames bounds the call stack that [Stack] takes.
const maxFrames = 64

// Stack is the call stack from its caller outwards, as error.stack_trace. Give it
// with an entry that should say how the program came there.
func Stack() slog.Attr {
	pcs := make([]uintptr, maxFrames)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var b strings.Builder
	for {
		f, more := frames.Next()
		b.WriteString(f.Function + "\n\t" + f.File + ":" + strconv.Itoa(f.Line) + "\n")
		if !more {
			return slog.String("error.stack_trace", strings.TrimSuffix(b.String(), "\n"))
		}
	}
}
