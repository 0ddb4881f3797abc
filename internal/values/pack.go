package values

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"time"
)

// The first byte of a packed value.
const (
	packNil byte = iota
	packFalse
	packTrue
	packInt
	packUint
	packFloat
	packString
	packBytes
	packTime
	packNumber
	packDocument
)

// Append appends a canonical value to b in a form for memory: many values take
// far less room in it than as Go values. Only [Take] of the same program reads it.
func Append(b []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return append(b, packNil)
	case bool:
		if x {
			return append(b, packTrue)
		}
		return append(b, packFalse)
	case int64:
		return binary.AppendVarint(append(b, packInt), x)
	case uint64:
		return binary.AppendUvarint(append(b, packUint), x)
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, packFloat), math.Float64bits(x))
	case string:
		return appendSized(append(b, packString), x)
	case []byte:
		return appendSized(append(b, packBytes), x)
	case time.Time:
		b = binary.AppendVarint(append(b, packTime), x.Unix())
		return binary.AppendUvarint(b, uint64(x.Nanosecond()))
	case json.Number:
		return appendSized(append(b, packNumber), string(x))
	}
	// A document, whose numbers are json.Number: its JSON says all of it.
	s, err := compact(v)
	if err != nil {
		s = "null"
	}
	return appendSized(append(b, packDocument), s)
}

func appendSized[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Take reads the first value of b and returns what is behind it. The value shares
// no memory with b.
func Take(b []byte) (v any, rest []byte) {
	tag := b[0]
	b = b[1:]
	switch tag {
	case packFalse:
		return false, b
	case packTrue:
		return true, b
	case packInt:
		x, n := binary.Varint(b)
		return x, b[n:]
	case packUint:
		x, n := binary.Uvarint(b)
		return x, b[n:]
	case packFloat:
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:]
	case packString, packNumber, packBytes, packDocument:
		size, n := binary.Uvarint(b)
		s, rest := b[n:n+int(size)], b[n+int(size):]
		switch tag {
		case packString:
			return string(s), rest
		case packNumber:
			return json.Number(s), rest
		case packBytes:
			return clone(s), rest
		}
		d := json.NewDecoder(bytes.NewReader(s))
		d.UseNumber()
		var doc any
		_ = d.Decode(&doc) // Append wrote it
		return doc, rest
	case packTime:
		seconds, n := binary.Varint(b)
		b = b[n:]
		nanos, n := binary.Uvarint(b)
		return time.Unix(seconds, int64(nanos)).UTC(), b[n:]
	}
	return nil, b
}

// Skip returns what is behind the first value of b.
func Skip(b []byte) []byte {
	tag := b[0]
	b = b[1:]
	switch tag {
	case packInt, packUint:
		_, n := binary.Uvarint(b)
		return b[n:]
	case packFloat:
		return b[8:]
	case packString, packNumber, packBytes, packDocument:
		size, n := binary.Uvarint(b)
		return b[n+int(size):]
	case packTime:
		_, n := binary.Uvarint(b)
		b = b[n:]
		_, n = binary.Uvarint(b)
		return b[n:]
	}
	return b
}
