package history

import (
	"database/sql/driver"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// ambiguous reports whether a text in a record may stand for two values of a column that
// takes anything: bytes among numbers, which records have in base64 or repaired, or a text
// that is no document among documents.
func (c *rowColumn) ambiguous(value any) bool {
	text, ok := value.(string)
	switch {
	case !ok || c.rule.IsText() || c.rule.IsBinary() || c.rule.IsUUID():
		return false
	case c.rule.IsJSON():
		return !c.sendsDocuments()
	}
	_, err := strconv.ParseFloat(text, 64)
	return err != nil && (values.MayBeBytes(text, []byte{}) || strings.ContainsRune(text, utf8.RuneError))
}

// sendsDocuments reports whether a model's type sees to it that the column has documents.
func (c *rowColumn) sendsDocuments() bool {
	if c.field == nil {
		return false
	}
	_, valuer := newField(c.field).(driver.Valuer)
	return valuer || c.field.Serializer != nil
}
