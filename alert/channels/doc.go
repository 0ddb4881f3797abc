// Package channels makes alert channels from URLs: chat services, webhooks, pagers
// and push services through [shoutrrr], and e-mail through [go-mail].
//
//	channel, err := channels.New("slack://hook:…@webhook")
//	channel, err := channels.New("smtp://user:password@mail.example.com:587/?from=audit@example.com&to=support@example.com")
//
// Everything but smtp, smtps and mailing options is a shoutrrr URL: slack, teams,
// discord, mattermost, rocketchat, googlechat, matrix, zulip, telegram, lark, wecom,
// signal, pagerduty, opsgenie, ntfy, gotify, pushover, bark, join, ifttt, notifiarr,
// pushbullet, and generic for webhooks. The documentation of shoutrrr says what each
// URL holds.
//
// # Secrets
//
// URLs hold secrets, and the errors of services quote URLs. The errors of this
// package do not: whatever of the URL appears in them is replaced by "…".
//
// # Text from outside
//
// Messages are plain text. What a chat service would take for a mention of everybody
// ("@channel", "<!here>"), for a link with a text of its own or for its own escape is
// made harmless; emphasis such as *this* is not. For services whose URL asks for
// HTML (telegram with parsemode=HTML) the text is escaped.
//
// # Repeats
//
// A message may be sent more than once. E-mail carries the message's id as its
// Message-ID, PagerDuty as dedup_key and Opsgenie as alias, so that those show it
// once; generic webhooks with template=json get it as "id". Chat services show
// repeats.
//
// [shoutrrr]: https://github.com/nicholas-fedor/shoutrrr
// [go-mail]: https://github.com/wneessen/go-mail
package channels
