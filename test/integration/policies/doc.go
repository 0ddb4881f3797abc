// Package policies tests what the plugin does when it has to choose: writes that
// cannot be recorded, writes that lack an actor or a reason, secrets, raw SQL,
// values meant to break a log, and audit tables that are not what they should be;
// on every database.
package policies
