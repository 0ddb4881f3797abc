package history

import "errors"

// ErrErased is a value that was taken out of the records; see [Erase].
var ErrErased = errors.New("auditplugin: value was erased from the records")

// ErasedText stands in the records' texts for what [Erase] took out: an actor's name,
// an address, a part of a message.
const ErasedText = "[erased]"

// erasedKey marks an erased value inside JSON: {"erased": true}.
const erasedKey = "erased"

// erasedMark is what stands for an erased value.
func erasedMark() map[string]any { return map[string]any{erasedKey: true} }

func isErased(v any) bool {
	m, ok := v.(map[string]any)
	return ok && len(m) == 1 && m[erasedKey] == true
}

// holdsErased reports whether a value is erased, or a part of it.
func holdsErased(v any) bool {
	switch x := v.(type) {
	case map[string]any:
		if isErased(x) {
			return true
		}
		for _, e := range x {
			if holdsErased(e) {
				return true
			}
		}
	case []any:
		for _, e := range x {
			if holdsErased(e) {
				return true
			}
		}
	}
	return false
}
