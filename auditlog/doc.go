// Package auditlog gives an application's logger an audit logger beside it, for
// what GORM does not see: sign-ins, refused access, reads of sensitive rows, and
// changes made elsewhere.
//
//	log, err := auditlog.New(slog.Default(), auditlog.WithApplication("accounts"))
//	log.Info("started", "port", 8080)                       // as the application always logged
//	log.Audit.Info("Audit trail exported", "rows", 17)      // an ECS line of logger "accounts.audit"
//	err = log.Audit.RecordUpdated(ctx, "Edit made to MFA information", "user", before, after)
//
// Audit lines are ECS JSON whatever the application's own format is, are written
// from INFO on whatever the application's level is, and carry the actor, reason,
// request and trace of the context (see package audit). Secrets are redacted by
// the same rules as in the plugin: audit tags of structs, and names that say
// password, token and the like, before a line or record leaves the process.
package auditlog
