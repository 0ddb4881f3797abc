package history

import (
	"context"
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
	entries, err := newFormat(opts).named(context.Background(), records)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(w).Encode(entries); err != nil {
		return fmt.Errorf("auditplugin: writing the timeline: %w", err)
	}
	return nil
}
