package history

import "maps"

// byTrigger reports whether a companion trigger wrote the record: the change was not made
// through GORM, or by raw SQL.
func (e Entry) byTrigger() bool { return byTrigger(e.Metadata) }

func byTrigger(metadata map[string]any) bool {
	how, _ := metadata["auditplugin"].(map[string]any)
	return how["by"] == "trigger"
}

// databaseUser is who made such a change, as far as the database knows.
func (e Entry) databaseUser() string {
	who := "another program" // SQLite knows no users
	if e.Actor.ID != "" {
		who = "database user " + e.Actor.ID
	}
	if e.Actor.Name != "" {
		who += " as " + e.Actor.Name
	}
	if e.Application != "" {
		who += " (" + e.Application + ")"
	}
	return who
}

// said is the metadata without what only says that a trigger wrote the record.
func (e Entry) said() map[string]any {
	if !e.byTrigger() {
		return e.Metadata
	}
	said := maps.Clone(e.Metadata)
	delete(said, "auditplugin")
	return said
}
