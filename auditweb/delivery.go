package auditweb

import (
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
	subscribers, late := q.subscribers()
	channels, lost := q.channels()
	var all []trouble
	if late+lost != "" {
		all = append(all, trouble{"What was delivered cannot be read.", "delivery"})
	}
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

// unread says why there is nothing to tell of the relay, or of alerts.
const unread = "This cannot be read. Its tables may not be there; what went wrong is in the service's log."

// whyNot says why something cannot be told.
func (q *request) whyNot(what string, err error) string {
	if err == nil {
		return ""
	}
	q.h.cfg.log.WarnContext(q.ctx, "auditweb: "+what+" cannot be read", "error", err)
	return unread
}

func (q *request) subscribers() (all []relay.Stats, why string) {
	if q.h.cfg.relay == nil {
		return nil, ""
	}
	all, err := q.h.cfg.relay.Stats(q.ctx)
	return all, q.whyNot("the relay", err)
}

func (q *request) channels() (all []alert.ChannelStats, why string) {
	if q.h.cfg.alerts == nil {
		return nil, ""
	}
	all, err := q.h.cfg.alerts.Stats(q.ctx)
	return all, q.whyNot("alerts", err)
}

// delivery shows how far the relay is, and what became of the alerts.
func (q *request) delivery() error {
	body := struct {
		Relay, Alerts bool
		Subscribers   []relay.Stats
		Channels      []alert.ChannelStats
		Dead          []alert.DeadMessage
		// RelayWhy and AlertsWhy say why there is nothing to tell.
		RelayWhy, AlertsWhy string
	}{Relay: q.h.cfg.relay != nil, Alerts: q.h.cfg.alerts != nil}
	body.Subscribers, body.RelayWhy = q.subscribers()
	body.Channels, body.AlertsWhy = q.channels()
	if e := q.h.cfg.alerts; e != nil && body.AlertsWhy == "" {
		var err error
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
