package table

import (
	"bytes"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// Image is a row's canonical values, in the order of the table's columns.
type Image []any

// Same reports whether two images have equal values.
func Same(a, b Image) bool {
	for i := range a {
		if !values.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// HasNull reports whether one of the values at the given positions is NULL.
func (img Image) HasNull(at []int) bool {
	for _, k := range at {
		if img[k] == nil {
			return true
		}
	}
	return false
}

// Identity is the values at the given positions as a map key.
func (img Image) Identity(at []int) string {
	if len(at) == 1 {
		return values.KeyText(img[at[0]])
	}
	vals := make([]any, len(at))
	for i, k := range at {
		vals[i] = img[k]
	}
	return values.RecordID(vals)
}

// Row is an image with the driver's own values, which serve as parameters.
type Row struct {
	Image
	Raw []any
}

// Param is a value as a parameter that finds it again: as the database gave it. Only bytes
// that are the canonical text are sent as text, which is compared in the column's own
// collation. Bytes are copied, since a driver uses its own again.
func Param(canonical, raw any) any {
	b, isBytes := raw.([]byte)
	switch c := canonical.(type) {
	case int64, uint64:
		return canonical
	case string:
		if _, isText := raw.(string); !isText && (!isBytes || string(b) == c) {
			return canonical
		}
	}
	if isBytes {
		return bytes.Clone(b)
	}
	return raw
}
