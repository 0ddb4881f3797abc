package telemetry

import (
	"errors"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
)

// Other is the label of everything that has none of its own.
const Other = "other"

// Table is the label of a table as [audit.Count] has it: its name if it is that of a model,
// else [Other].
func Table(name string) string {
	if name == "" {
		return Other
	}
	return name
}

// Action is the label of an action: itself if the plugin knows it, else [Other], since
// events of the application may have any.
func Action(a audit.Action) string {
	switch a {
	case audit.Create, audit.Update, audit.Delete, audit.SoftDelete, audit.Restore, audit.Raw, audit.Event:
		return string(a)
	}
	return Other
}

// Reason is the label of why a write was refused: "actor_required", "reason_required",
// "raw_refused", "closed", "audit_failed" for a change that could not be recorded, or
// [Other].
func Reason(err error) string {
	switch {
	case errors.Is(err, auditplugin.ErrActorRequired):
		return "actor_required"
	case errors.Is(err, auditplugin.ErrReasonRequired):
		return "reason_required"
	case errors.Is(err, auditplugin.ErrRawRefused):
		return "raw_refused"
	case errors.Is(err, auditplugin.ErrClosed):
		return "closed"
	case errors.Is(err, auditplugin.ErrAuditFailed):
		return "audit_failed"
	}
	return Other
}

// Outcome is the label of how something ended: "success" or "failure".
func Outcome(err error) string {
	if err != nil {
		return "failure"
	}
	return "success"
}
