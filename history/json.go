package history

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/gorm-audit/auditplugin/audit"
)

// JSON writes the records' entries to w as one JSON array, for a user interface;
// see [Entry] for what an element holds. Values are those of the records: secrets
// are shown as redacted as they were recorded, and Hidden says so. The text is safe
// inside HTML, as encoding/json writes it.
func JSON(w io.Writer, records []audit.Record, opts ...FormatOption) error {
	f := newFormat(opts)
	if f.err != nil {
		return f.err
	}
	if err := json.NewEncoder(w).Encode(f.entries(records)); err != nil {
		return fmt.Errorf("auditplugin: writing the timeline: %w", err)
	}
	return nil
}
