package subject

import "fmt"

// Variant is a way to write.
type Variant string

// The variants.
const (
	// Plain is GORM alone.
	Plain Variant = "plain"
	// Plugin is GORM with the plugin and its table emitter, all options as they are.
	Plugin Variant = "plugin"
	// Trigger is GORM alone on tables with hand-written AFTER triggers, which store
	// the full row before and after as JSON in a table like the plugin's.
	Trigger Variant = "trigger"
	// Slog is GORM with the plugin and a slog emitter, without a table.
	Slog Variant = "slog"
)

// Variants returns all of them; Plain is the first.
func Variants() []Variant { return []Variant{Plain, Plugin, Trigger, Slog} }

// Mode is how statements reach the server.
type Mode string

// The modes.
const (
	// Default is what gorm.Open gives: no PrepareStmt, and the extended protocol
	// with cached statements on PostgreSQL.
	Default Mode = "default"
	// Prepare sets gorm.Config.PrepareStmt.
	Prepare Mode = "prepare"
	// Simple uses PostgreSQL's simple protocol. Other databases have none.
	Simple Mode = "simple"
	// NoSync leaves SQLite's synchronous at what its driver is built with, NORMAL in
	// WAL mode: COMMIT does not wait for the disk. In the other modes it is FULL, so
	// that a commit lasts, as it does on servers.
	NoSync Mode = "nosync"
)

// Modes returns all of them.
func Modes() []Mode { return []Mode{Default, Prepare, Simple, NoSync} }

// Modes returns the modes that a kind of database has.
func (k Kind) Modes() []Mode {
	switch k {
	case SQLite:
		return []Mode{Default, Prepare, NoSync}
	case Postgres:
		return []Mode{Default, Prepare, Simple}
	}
	return []Mode{Default, Prepare}
}

// ParseVariant returns the variant with the given name.
func ParseVariant(name string) (Variant, error) {
	for _, v := range Variants() {
		if string(v) == name {
			return v, nil
		}
	}
	return "", fmt.Errorf("auditplugin: no variant %q: one of %v", name, Variants())
}
