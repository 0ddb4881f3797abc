package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/relay"
)

// Channel carries messages to people. Send is called for one message at a time per
// channel and process. An error makes the message be sent again later, unless it
// is [relay.Permanent]; so does a Send that has not returned when ctx ends, and a
// process that dies in between: a message is sent at least once.
type Channel interface {
	Send(ctx context.Context, m Message) error
}

// Func makes a channel of a function.
type Func func(ctx context.Context, m Message) error

// Send calls f.
func (f Func) Send(ctx context.Context, m Message) error {
	if f == nil {
		return relay.Permanent(errors.New("auditplugin: alert channel function is nil"))
	}
	return f(ctx, m)
}

// Slog returns a channel that writes messages to a logger: info at Info, warning at
// Warn, critical at Error. A nil logger is slog.Default() at the time.
func Slog(l *slog.Logger) Channel {
	return Func(func(ctx context.Context, m Message) error {
		to := l
		if to == nil {
			to = slog.Default()
		}
		level := map[Severity]slog.Level{Info: slog.LevelInfo, Warning: slog.LevelWarn, Critical: slog.LevelError}[m.Severity]
		to.LogAttrs(ctx, level, oneLine(m.Subject),
			slog.String("alert", m.Rule), slog.String("text", m.Text), slog.String("link", m.Link),
			slog.Any("records", m.Records), slog.String("id", m.ID))
		return nil
	})
}

// send calls the channel and gives it until ctx ends. What does not return is left
// behind.
func send(ctx context.Context, c Channel, m Message) error {
	done := make(chan error, 1)
	go func() {
		done <- fault.GuardAs(ErrChannelPanic, func() error { return c.Send(ctx, m) })
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	// It may have come back at the same moment.
	select {
	case err := <-done:
		return err
	default:
		return fmt.Errorf("%w: %w", ErrSendTimeout, context.Cause(ctx))
	}
}
