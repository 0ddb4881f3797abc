package proof

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// judge collects what the judges say, so that rapid can shrink the history.
type judge struct {
	testing.TB
	said []string
}

type verdict struct{}

func (j *judge) Helper() {}

func (j *judge) Errorf(format string, args ...any) {
	j.said = append(j.said, fmt.Sprintf(format, args...))
}

func (j *judge) Fatalf(format string, args ...any) {
	j.Errorf(format, args...)
	panic(verdict{})
}

func (j *judge) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(verdict); !ok {
				panic(r)
			}
		}
	}()
	f()
}

// try runs a program on both databases and returns what is wrong.
func (w *world) try(on handle, seeded bool, program func(p *player, db *gorm.DB)) []string {
	j := &judge{}
	if err := w.clear(on.audited.Target.Portable, seeded); err != nil {
		j.Errorf("%v", err)
		return j.said
	}
	on.audited.Announced.Reset()
	plain, audited := newPlayer(nil, on.narrow), newPlayer(w, on.narrow)
	on.clock.ticks = 0
	program(plain, on.plain)
	on.clock.ticks = 0
	program(audited, on.audited.DB)
	j.sameOutcomes(w.dialect, plain.log, audited.log)
	j.sameTables(w)
	j.guard(func() {
		trail := w.oracle.Check(j, nil)
		j.transactions(audited, trail, on.blind)
		if !on.alone {
			oracle.CheckAnnounced(j, trail, announced(on.audited.Announced, len(trail)))
		}
		for _, e := range trail {
			w.actions[e.Action]++
			if e.Cause != "" {
				w.actions["cascade"]++
			}
		}
		w.histories, w.operations = w.histories+1, w.operations+audited.calls
		w.foreign += w.oracle.Foreign()
		w.changes, w.records = w.changes+w.oracle.Seen(), w.records+len(trail)
	})
	return j.said
}

// announced waits for what is told of transactions that the plugin did not see end.
func announced(a *testdb.Announced, want int) [][]audit.Record {
	for range 200 {
		if len(a.Records()) >= want {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return a.Batches()
}

// sameOutcomes demands that the application can not tell the runs apart. What GORM
// says of the rows of a failed Create of several maps is the one exception, on
// MariaDB; see TestFoundRowsBeforeARefusedOne.
func (j *judge) sameOutcomes(dialect string, plain, audited []noted) {
	for i := range min(len(plain), len(audited)) {
		a, b := plain[i], audited[i]
		if a.maps && dialect == testdb.MySQL && a.err != "" {
			a.rows, b.rows, a.value, b.value = 0, 0, "", ""
			a.hooks, b.hooks = "", ""
		}
		if a.outcome != b.outcome {
			j.Errorf("the application sees the plugin in call %d %s\n  plain   %s\n  audited %s", a.Number, a.code, a.outcome, b.outcome)
		}
	}
	if len(plain) != len(audited) {
		j.Errorf("%d outcomes without the plugin, %d with it", len(plain), len(audited))
	}
}

func (j *judge) sameTables(w *world) {
	plain, err := w.dump(w.bare)
	if err != nil {
		j.Errorf("dump: %v", err)
	}
	audited, err := w.dump(w.raw)
	if err != nil {
		j.Errorf("dump: %v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(plain)) {
		if !reflect.DeepEqual(plain[name], audited[name]) {
			j.Errorf("table %s differs:\n  plain   %s\n  audited %s", name, strings.Join(plain[name], "\n          "), strings.Join(audited[name], "\n          "))
		}
	}
	for name := range audited {
		if plain[name] == nil {
			j.Errorf("table %s differs: only the audited one has rows: %v", name, audited[name])
		}
	}
}

// transactions demands that the records of calls in one transaction share its id,
// and that no other call has it. A plugin that can not see the application's
// transactions gives each statement an id of its own.
func (j *judge) transactions(p *player, trail []oracle.Entry, blind bool) {
	owner, ids := map[string]string{}, map[int]string{}
	for _, e := range trail {
		tx, ok := p.made[e.Call()]
		if !ok {
			j.Errorf("entry %d (%s %s %s) names no call", e.Seq, e.Action, e.Table, e.RecordID)
			continue
		}
		whose := fmt.Sprint("call ", e.Call())
		if tx > 0 {
			whose = fmt.Sprint("transaction ", tx)
		}
		if was, ok := owner[e.TransactionID]; ok && was != whose {
			j.Errorf("entry %d (%s %s %s) of %s has the transaction id of %s", e.Seq, e.Action, e.Table, e.RecordID, whose, was)
		}
		owner[e.TransactionID] = whose
		if tx == 0 || blind {
			continue
		}
		if was, ok := ids[tx]; ok && was != e.TransactionID {
			j.Errorf("entry %d (%s %s %s) has another id than the rest of transaction %d", e.Seq, e.Action, e.Table, e.RecordID, tx)
		}
		ids[tx] = e.TransactionID
	}
}
