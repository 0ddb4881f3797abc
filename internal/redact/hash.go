package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// hashed renders "hmac-sha256:<key id>:<hex>". The input is the table, the place
// (the column and, inside JSON, the keys below it, without list indexes) and the
// value's text, each behind its length, and before them their number: no two
// places or values share an input.
func hashed(c Config, table string, frames []string, v any) string {
	mac := hmac.New(sha256.New, c.HashKey)
	writeLength(mac, len(frames)+2)
	writeFrame(mac, table)
	for _, f := range frames {
		writeFrame(mac, f)
	}
	writeFrame(mac, values.KeyText(v))
	return "hmac-sha256:" + c.KeyID() + ":" + hex.EncodeToString(mac.Sum(nil))
}

func writeFrame(h io.Writer, s string) {
	writeLength(h, len(s))
	_, _ = h.Write([]byte(s)) // hashes and buffers take all
}

func writeLength(h io.Writer, n int) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(n))
	_, _ = h.Write(length[:])
}
