// Package file reads alert rules from a YAML file that operators can change without
// a build.
//
//	time_zone: Europe/Berlin
//	channels:
//	  support: slack://${SLACK_HOOK}@webhook
//	rules:
//	  - name: mfa-phone-changed
//	    when: {model: user, column: mfa_phone, action: update}
//	    send: support
//	  - name: mass-deletion
//	    severity: critical
//	    when: {action: [delete, soft_delete]}
//	    count: {more_than: 20, in: 1m, by: actor}
//	    send: [support, on-call]
//
// [Load] reads a file, [Watch] keeps an engine's rules at what the file says. Every
// mistake is reported, all of them at once, with its line: unknown keys, values of
// the wrong kind, and what [alert.New] would say. What each key means is in
// docs/alerts.md.
package file
