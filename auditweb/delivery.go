package auditweb

import (
	"context"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/relay"
)

// trouble is something that somebody should look at.
type trouble struct{ Text, Link string }

// delivers reports whether there is something to say of alerts and the relay. They tell
// of everybody, so that nobody sees them where a scope narrows the records.
func (h *Handler) delivers() bool {
	return h.cfg.scope == nil && (h.cfg.relay != nil || h.cfg.alerts != nil)
}

// lateAfter is how far behind a subscriber is trouble.
const lateAfter = 5 * time.Minute

// troubles are the relay's and the alerts', in words.
func (q *request) troubles() []trouble {
	if !q.h.delivers() {
		return nil
	}
	subscribers, channels, err := q.delivered(q.ctx)
	if err != nil {
		q.h.cfg.log.WarnContext(q.ctx, "auditweb: alerts and relay cannot be read", "error", err)
		return []trouble{{"What was delivered cannot be read.", "delivery"}}
	}
	var all []trouble
	for _, s := range subscribers {
		if s.Behind > lateAfter {
			all = append(all, trouble{visible(s.Name) + " is behind by " + s.Behind.Round(time.Minute).String() + ".", "delivery"})
		}
		if s.Dead > 0 {
			all = append(all, trouble{visible(s.Name) + " did not accept " + plural(s.Dead, "record") + ".", "delivery"})
		}
	}
	for _, c := range channels {
		if c.Dead > 0 {
			all = append(all, trouble{plural(c.Dead, "message") + " to " + visible(c.Channel) + " could not be sent.", "delivery"})
		}
		if c.Delay > lateAfter {
			all = append(all, trouble{"Messages to " + visible(c.Channel) + " are late by " + c.Delay.Round(time.Minute).String() + ".", "delivery"})
		}
	}
	return all
}

func (q *request) delivered(ctx context.Context) (subscribers []relay.Stats, channels []alert.ChannelStats, err error) {
	if r := q.h.cfg.relay; r != nil {
		if subscribers, err = r.Stats(ctx); err != nil {
			return nil, nil, err
		}
	}
	if e := q.h.cfg.alerts; e != nil {
		if channels, err = e.Stats(ctx); err != nil {
			return nil, nil, err
		}
	}
	return subscribers, channels, nil
}

// delivery shows how far the relay is, and what became of the alerts.
func (q *request) delivery() error {
	body := struct {
		Relay, Alerts bool
		Subscribers   []relay.Stats
		Channels      []alert.ChannelStats
		Dead          []alert.DeadMessage
	}{Relay: q.h.cfg.relay != nil, Alerts: q.h.cfg.alerts != nil}
	var err error
	if body.Subscribers, body.Channels, err = q.delivered(q.ctx); err != nil {
		return err
	}
	if e := q.h.cfg.alerts; e != nil {
		if body.Dead, err = e.Dead(q.ctx, 50); err != nil {
			return err
		}
		if !q.viewer.CanSeeValues {
			for i := range body.Dead {
				body.Dead[i].Subject, body.Dead[i].Text = "A message", ""
			}
		}
	}
	return q.show("delivery", "Alerts and relay", "", body)
}
