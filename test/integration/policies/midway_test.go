package policies

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// The audit table takes the first of several records and refuses the second. Nothing of
// half a statement stays, whether the write is given up or kept.
func TestFailureMidway(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		base := open(t, g)
		exec(t, base, "CREATE UNIQUE INDEX only_one ON audit_logs (action, table_name)")
		for name, policy := range map[string]auditplugin.FailurePolicy{"fail": auditplugin.FailWrite, "keep": auditplugin.KeepWrite} {
			for mode, in := range modes {
				for _, limit := range []int{10_000, 1} {
					t.Run(fmt.Sprintf("%s, %s, buffer %d", name, mode, limit), func(t *testing.T) {
						h := &heard{}
						d := again(t, base, auditplugin.WithErrorHandler(h.handle), auditplugin.WithBufferLimit(limit), auditplugin.WithFailurePolicy(policy))
						reset(t, d)
						err := in(d.DB, func(tx *gorm.DB) error { return tx.Model(&account{}).Where("age > ?", 0).Update("name", "all").Error })
						updates := 0
						for _, r := range trail(t, d) {
							if r.Action == audit.Update {
								updates++
							}
						}
						if updates != 0 {
							t.Errorf("%d records of the statement stayed", updates)
						}
						wantName := "all"
						if policy == auditplugin.FailWrite {
							wantName = "Ada"
						}
						if got := nameOf(t, d, 1); got != wantName || errors.Is(err, auditplugin.ErrAuditFailed) != (policy == auditplugin.FailWrite) {
							t.Errorf("the row is %q, the write returned %v", got, err)
						}
						if heard := h.take(); policy == auditplugin.KeepWrite && len(heard) == 0 {
							t.Error("the handler heard of no loss")
						}
					})
				}
			}
		}
	})
}
