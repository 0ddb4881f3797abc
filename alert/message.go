package alert

import (
	"fmt"
	"strings"
	"time"
)

// Message is what a channel sends. All texts are plain text without markup; a
// channel that has markup must escape it. Values in them are redacted as in the
// audit record.
type Message struct {
	// ID is the same at every attempt to send this message, and of no other message:
	// a receiver that keeps it can drop repeats.
	ID string `json:"id"`
	// Rule is the name of the rule, Channel that of the channel.
	Rule    string `json:"rule"`
	Channel string `json:"channel"`
	// Severity is the rule's severity at the time.
	Severity Severity `json:"severity"`
	// Title is the rule's title. Subject is one line that says what the message is
	// about.
	Title   string `json:"title"`
	Subject string `json:"subject"`
	// Text is the whole message. It may have several lines.
	Text string `json:"text"`
	// Link is an http or https URL, or empty. In a message about several changes it
	// is empty, and Text has their links.
	Link string `json:"link,omitempty"`
	// Records are the ids of the audit records it tells of, in order.
	Records []string `json:"records"`
	// Time is when the (first) change was made, UTC.
	Time time.Time `json:"time"`
	// Attempt counts the attempts to send it, from 1.
	Attempt int `json:"attempt"`
}

// Body is the text with the link below it, for channels that know only text.
func (m Message) Body() string {
	if m.Link == "" {
		return m.Text
	}
	return m.Text + "\n" + m.Link
}

// shownLines is how many changes a message about several spells out.
const shownLines = 20

// compose makes one message of the rows of one bundle, in order.
func compose(rows []row) Message {
	first := rows[0]
	m := Message{
		ID: first.messageID, Rule: first.rule, Channel: first.channel, Severity: first.severity,
		Title: first.title, Subject: first.subject, Text: first.text, Link: first.link,
		Time: first.occurred, Attempt: first.attempts,
	}
	for _, r := range rows {
		m.Records = append(m.Records, r.record)
		if r.occurred.Before(m.Time) {
			m.Time = r.occurred
		}
	}
	held := strings.HasPrefix(first.bundle, bundleThrottled)
	if len(rows) == 1 && !held {
		return m
	}
	m.Link = ""
	var b strings.Builder
	if held {
		m.Subject = fmt.Sprintf("%s: and %d more", m.Title, len(rows))
		fmt.Fprintf(&b, "%s: and %d more that were held back:", m.Title, len(rows))
	} else {
		m.Subject = fmt.Sprintf("%s: %d changes", m.Title, len(rows))
		fmt.Fprintf(&b, "%s: %d changes:", m.Title, len(rows))
	}
	for i, r := range rows {
		if i == shownLines || b.Len() > 4*textLimit {
			fmt.Fprintf(&b, "\n… and %d more", len(rows)-i)
			break
		}
		b.WriteString("\n- " + strings.ReplaceAll(clip(r.text, 500), "\n", "\n  "))
		if r.link != "" {
			b.WriteString("\n  " + r.link)
		}
	}
	m.Text = b.String()
	return m
}
