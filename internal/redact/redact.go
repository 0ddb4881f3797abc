// Package redact decides what of a row may be seen. A [Plan] is made once per
// model from its audit tags, its column names and the types inside its JSON
// columns, and then applied to canonical values (see internal/values) before any
// emitter sees them.
//
// # Tags
//
//	audit:"-"       never recorded; inside JSON the key is removed
//	audit:"mask"    shown as ***
//	audit:"mask=N"  *** and the last N characters, when there are at least 2N+2
//	audit:"hash"    a keyed hash of table, column and value
//	audit:"show"    shown, whatever its name and the names inside it say
//
// A tag on an embedded struct holds for every field in it; where several tags
// meet, the strictest one holds, in the order - mask hash mask=N show. Untagged
// fields, columns and JSON keys whose name says that they hold a secret are
// masked; see [SecretName].
package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// Mask is what a masked value is shown as.
const Mask = "***"

// The errors of plans; they come wrapped with the model's and the field's name.
var (
	// ErrUnknownTag is an audit tag that is none of the known ones.
	ErrUnknownTag = errors.New("auditplugin: unknown audit tag")
	// ErrHashKey is a hash tag without a key to hash with.
	ErrHashKey = errors.New("auditplugin: audit:\"hash\" needs a hash key")
	// ErrHashBool is a hash tag on a boolean, whose hash would tell it.
	ErrHashBool = errors.New("auditplugin: audit:\"hash\" can not hide a boolean")
)

// Config is what plans share.
type Config struct {
	// HashKey is the key of audit:"hash". Without one, such tags are an error.
	HashKey []byte
}

// KeyID names the hash key without telling it: the first 8 hexadecimal digits of
// its SHA-256, or "" without a key.
func (c Config) KeyID() string {
	if len(c.HashKey) == 0 {
		return ""
	}
	sum := sha256.Sum256(c.HashKey)
	return hex.EncodeToString(sum[:4])
}
