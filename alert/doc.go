// Package alert tells people about changes: rules say which records of the audit
// table matter, and messages in plain words go to channels, such as chat rooms,
// mailboxes and pagers.
//
//	rules := []alert.Rule{
//		alert.When(alert.Model("user"), alert.Column("mfa_phone"), alert.Action(audit.Update)).
//			Named("mfa-phone-changed").To("support"),
//		alert.When(alert.Action(audit.Delete), alert.MoreThan(20).In(time.Minute).By(alert.ByActor)).
//			Named("mass-deletion").Severity(alert.Critical).To("support", "on-call"),
//	}
//	engine, err := alert.New(db, rules, map[string]alert.Channel{"support": …, "on-call": …})
//	r, err := relay.New(db)
//	err = alert.Run(ctx, r, engine, relay.FromNow())
//
// The same rules can be written in a file that operators change without a build:
// module alert/file. Channels for chat services, mail, webhooks and pagers by URL
// are in module alert/channels. [DryRun] tells what rules would have sent.
//
// # How an alert travels
//
// The relay hands committed records to [Engine.Emit], which applies the rules and
// writes one row for each rule, channel and record into an outbox, the table
// audit_alerts. [Engine.Run] sends what is due there. Neither is part of the
// transaction that made the change, so a slow or dead channel delays no write; each
// channel is served apart, so it delays no other channel either.
//
//   - A change that was rolled back is never told.
//   - A change that was committed is told, also when the process dies in between.
//   - One message for each rule, channel and change, however often the relay
//     delivers it. A message is sent at least once: a process that dies after it was
//     sent and before that was written down sends it again, with the same
//     [Message.ID].
//   - A message whose channel fails is tried again with growing pauses (see
//     [WithRetry]), and then kept as dead until [Engine.Replay].
//
// # What people read
//
// Messages show values as the audit record has them: what is masked there is masked
// here. Text from outside, such as names, reasons and values, is put on one line,
// cut where it is long, and quoted where it could be taken for words of ours.
package alert
