package values

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Limit returns v, or, when v is a string, bytes or document of more than limit
// bytes (documents as compact JSON), a note of its length and hash in its place:
//
//	{"truncated": true, "bytes": 70000, "sha256": "…"}
//
// A limit of 0 or less is none. Redact first: the hash of a short secret can be
// guessed.
func Limit(v any, limit int) any {
	if limit <= 0 {
		return v
	}
	switch x := v.(type) {
	case string:
		if len(x) > limit {
			return truncated([]byte(x))
		}
	case json.Number:
		if len(x) > limit {
			return truncated([]byte(x))
		}
	case []byte:
		if len(x) > limit {
			return truncated(x)
		}
	case map[string]any, []any:
		if fits(v, limit) >= 0 {
			return v
		}
		s, err := compact(v)
		if err == nil && len(s) > limit {
			return truncated([]byte(s))
		}
	}
	return v
}

func truncated(b []byte) map[string]any {
	sum := sha256.Sum256(b)
	return map[string]any{
		"truncated": true,
		"bytes":     int64(len(b)),
		"sha256":    hex.EncodeToString(sum[:]),
	}
}

// fits subtracts from room an upper bound of v's encoded size, and gives up below
// zero, so that documents of ordinary size are not encoded just to be measured.
func fits(v any, room int) int {
	switch x := v.(type) {
	case string:
		return room - 6*len(x) - 2
	case json.Number:
		return room - len(x)
	case map[string]any:
		room -= 2
		for k, e := range x {
			if room = fits(e, room-6*len(k)-4); room < 0 {
				return room
			}
		}
		return room
	case []any:
		room -= 2
		for _, e := range x {
			if room = fits(e, room-1); room < 0 {
				return room
			}
		}
		return room
	default:
		return room - 32
	}
}
