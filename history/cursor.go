package history

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
)

// A cursor is the URL-safe base64 of a version and order byte, the seq it stands
// behind, and the first bytes of a hash of both and the table's name. The hash
// tells mistakes, not attacks: a cursor gives no access to anything.
const (
	cursorVersion = 1
	cursorSum     = 6
	cursorBytes   = 2 + 8 + cursorSum
)

// Cursor returns the cursor that stands behind r in the order of q: a record that
// q returned, for going on from there later.
func (q Query) Cursor(r audit.Record) string {
	b := make([]byte, 2, cursorBytes)
	b[0] = cursorVersion
	if q.newest {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(r.Seq))
	sum := q.cursorSum(b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum...))
}

func (q Query) cursorSum(b []byte) []byte {
	h := sha256.New()
	h.Write(b)
	h.Write([]byte(bareTable(q.auditTable())))
	return h.Sum(nil)[:cursorSum]
}

// position reads a cursor.
func (q Query) position(cursor string) (int64, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != cursorBytes || b[0] != cursorVersion {
		return 0, fmt.Errorf("%w: it is not one", ErrCursor)
	}
	if string(q.cursorSum(b[:cursorBytes-cursorSum])) != string(b[cursorBytes-cursorSum:]) {
		return 0, fmt.Errorf("%w: it was altered, or made for another table", ErrCursor)
	}
	if newest := b[1] == 1; newest != q.newest {
		return 0, fmt.Errorf("%w: it was made by a query of the other order", ErrCursor)
	}
	return int64(binary.BigEndian.Uint64(b[2:])), nil
}
