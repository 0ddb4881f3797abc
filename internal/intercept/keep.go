package intercept

import (
	"context"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/capture"
	"github.com/gorm-audit/auditplugin/internal/statement"
)

// keepPoint is the savepoint that a write which can not be captured is undone to.
const keepPoint = "auditplugin_keep"

// keeping keeps the write when it can not be captured: it is undone to a savepoint and made
// again, as the application asked for it.
func (i *Interceptor) keeping(s *statement.Statement) (statement.Outcome, error) {
	l := s.Ledger
	// Records of the statement may be written before the last of them is made.
	if err := l.SetPoint(s.Ctx, keepPoint); err != nil {
		return s.Plain() //nolint:nilerr // it fails in its own words
	}
	defer l.Forget(keepPoint)
	out, err := capture.Once(i.Images, s)
	if err == nil {
		err = i.record(s)
	}
	if err != nil {
		if rerr := l.RollbackTo(context.WithoutCancel(s.Ctx), keepPoint); rerr != nil {
			return out, err
		}
		s.Forget()
		s.Quiet = false // companion triggers record what we can not
		if i.Companion {
			if err := l.Settle(s.Ctx); err != nil {
				return out, err
			}
		}
		var perr error
		if out, perr = s.Plain(); perr != nil {
			return out, perr
		}
		r := i.alone(s)
		r.Action = audit.Action(s.Op)
		l.Lost(s.Ctx, r, 1, err)
	}
	return out, l.Exec(s.Ctx, "RELEASE SAVEPOINT "+keepPoint)
}
