package redact

import (
	"bytes"
	"crypto/sha256"
)

// Hashing is what another language needs to hash a column's values as the plan does:
// SHA-256 of Outer and of SHA-256 of Inner, Prefix, the length of the value's text in 8
// bytes, and that text. Inner and Outer tell the key.
type Hashing struct {
	KeyID                string
	Inner, Outer, Prefix []byte
}

// Hashing tells how a column is hashed; false for one that is not.
func (p *Plan) Hashing(column string) (Hashing, bool) {
	key := p.config.HashKey
	if p.member(column).rule.op != opHash || len(key) == 0 {
		return Hashing{}, false
	}
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	h := Hashing{KeyID: p.config.KeyID(), Inner: bytes.Repeat([]byte{0x36}, sha256.BlockSize), Outer: bytes.Repeat([]byte{0x5c}, sha256.BlockSize)}
	for i, b := range key {
		h.Inner[i] ^= b
		h.Outer[i] ^= b
	}
	var prefix bytes.Buffer
	writeLength(&prefix, 3)
	writeFrame(&prefix, p.table)
	writeFrame(&prefix, column)
	h.Prefix = prefix.Bytes()
	return h, true
}
