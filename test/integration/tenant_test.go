package integration_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

type visit struct {
	ID    uint
	Place string
	Note  string      // which updates leave alone
	Stops []visitStop `gorm:"constraint:OnDelete:CASCADE"`
}

type visitStop struct {
	ID      uint
	VisitID uint
}

type tenantOfTest struct{}

// Whatever writes a record, it names the tenant and for whom its actor acted: in the table
// and in what is announced.
func TestTenant(t *testing.T) {
	testdb.Each(t, func(t *testing.T, g testdb.Target) {
		db := g.Open(t, testdb.WithPlugin(auditplugin.WithRequiredReason(&visitStop{}), auditplugin.WithTenantFunc(func(ctx context.Context) string {
			if ctx.Value(tenantOfTest{}) == "panic" {
				panic("on purpose")
			}
			s, _ := ctx.Value(tenantOfTest{}).(string)
			return s
		})))
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(db.AutoMigrate(&visit{}, &visitStop{}))
		agent := audit.Actor{ID: "7", Name: "Ada", SessionID: "s1", OnBehalfOf: audit.Principal{ID: "9", Type: "customer", Name: "Grace"}}
		ctx := audit.WithReason(audit.WithActor(audit.WithTenant(t.Context(), "acme"), agent), "asked")
		as := db.WithContext(ctx)
		check(as.Create(&visit{ID: 1, Place: "Oslo", Stops: []visitStop{{ID: 1}, {ID: 2}}}).Error)
		check(as.Model(&visit{}).Where("id > 0").Update("place", "Bergen").Error)
		check(as.Exec("UPDATE visits SET place = 'Rome'").Error)
		check(auditplugin.Event(as, audit.Record{Message: "seen"}))
		check(as.Delete(&visit{ID: 1}).Error) // the stops go with it
		err := db.WithContext(audit.WithTenant(t.Context(), "acme")).Create(&visitStop{ID: 3, VisitID: 1}).Error
		if !errors.Is(err, auditplugin.ErrReasonRequired) {
			t.Fatalf("without a reason: %v", err)
		}

		mine, err := history.Search(db.DB).Tenant("acme").Find(t.Context())
		check(err)
		if len(mine) != 10 {
			t.Errorf("%d records, want 3 creates, an update, raw, an event, 3 deletes and a refusal", len(mine))
		}
		for _, r := range mine {
			if r.Outcome == audit.Success && r.Actor != agent {
				t.Errorf("%s of %s by %+v", r.Action, r.Table, r.Actor)
			}
		}
		for _, r := range db.Announced.Records() {
			if r.Tenant != "acme" || r.Outcome == audit.Success && r.Actor != agent {
				t.Errorf("announced: %s of %s for tenant %q by %+v", r.Action, r.Table, r.Tenant, r.Actor)
			}
		}
		all, err := history.Search(db.DB).Find(t.Context())
		check(err)
		if len(all) != len(mine) {
			t.Errorf("%d of %d records have the tenant", len(mine), len(all))
		}
		for name, q := range map[string]history.Query{"on behalf": history.Search(db.DB).OnBehalfOf("9"), "session": history.Search(db.DB).Session("s1")} {
			if n, err := q.Count(t.Context()); err != nil || n != int64(len(mine))-1 {
				t.Errorf("%s: %d records, %v", name, n, err)
			}
		}
		var text strings.Builder
		check(history.Text(&text, all[:1]))
		if !strings.Contains(text.String(), "Ada (7) for Grace (customer 9)") {
			t.Errorf("as text:\n%s", &text)
		}

		// The function answers where the context is silent; a context that speaks wins.
		by := db.WithContext(context.WithValue(t.Context(), tenantOfTest{}, "by function"))
		check(by.Create(&visit{ID: 2}).Error)
		check(by.WithContext(audit.WithTenant(by.Statement.Context, "said")).Create(&visit{ID: 3}).Error)
		check(db.WithContext(context.WithValue(t.Context(), tenantOfTest{}, "panic")).Create(&visit{ID: 4}).Error)
		for id, want := range map[uint]string{2: "by function", 3: "said", 4: ""} {
			r, err := history.Of(db.DB, &visit{ID: id}).First(t.Context())
			if err != nil || r.Tenant != want {
				t.Errorf("visit %d is of tenant %q, want %q, %v", id, r.Tenant, want, err)
			}
		}
		if n, err := history.Search(db.DB).Tenant("", "said").Count(t.Context()); err != nil || n != 2 {
			t.Errorf("of none, and of said: %d, %v", n, err)
		}
	})
}

// Where each tenant has a schema, or a database on MySQL, the tables say whose they are, and
// rows of one name and key are told apart.
func TestTenantOfSchema(t *testing.T) {
	t.Run("records", func(t *testing.T) { tenantsOfSchemas(t) })
	t.Run("entries", func(t *testing.T) { tenantsOfSchemas(t, testdb.TableAlone()) })
}

func tenantsOfSchemas(t *testing.T, options ...testdb.Option) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		if g.Dialect == testdb.SQLite {
			t.Skip("schemas of SQLite are attached files; the plugin sees one of them here")
		}
		other := g.Open(t, testdb.WithoutPlugin()) // its schema, or database, is the other tenant's
		asked := 0
		db := g.Open(t, append(options, testdb.WithPlugin(auditplugin.WithTenantOfSchema(func(schema string) string { asked++; return "tenant " + schema })))...)
		schemaOf := func(db *gorm.DB) (name string) {
			query := "SELECT current_schema()"
			if g.Dialect == testdb.MySQL {
				query = "SELECT database()"
			}
			if err := db.Raw(query).Scan(&name).Error; err != nil {
				t.Fatal(err)
			}
			return name
		}
		here, there := schemaOf(db.DB), schemaOf(other.DB)
		for _, db := range []*gorm.DB{db.DB, other.DB} {
			if err := db.AutoMigrate(&visit{}, &visitStop{}); err != nil {
				t.Fatal(err)
			}
		}
		tables := map[string]*gorm.DB{here: db.Session(&gorm.Session{}), there: db.Table(there + ".visits").Session(&gorm.Session{})}
		for name, handle := range tables {
			for _, err := range []error{
				handle.Create(&visit{ID: 1, Place: "of " + name}).Error,
				handle.Model(&visit{ID: 1}).Update("place", "still of "+name).Error,
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		for name, handle := range tables {
			records, err := history.Of(handle, &visit{ID: 1}).Tenant("tenant " + name).Find(t.Context())
			if err != nil || len(records) != 2 || records[0].After["place"] != "of "+name {
				t.Errorf("%s: %d records, %v", name, len(records), err)
			}
			row := visit{ID: 1}
			mine := history.Asking(func(q history.Query) history.Query { return q.Tenant("tenant " + name) })
			if err := history.AsOf(t.Context(), handle, &row, time.Now(), mine); err != nil || row.Place != "still of "+name {
				t.Errorf("%s: as of now: %+v, %v", name, row, err)
			}
		}
		if asked > 8 {
			t.Errorf("the function was asked %d times", asked)
		}
	})
}

// An audit table for each tenant, as docs/tenants.md has it: a handle for each, with the
// schema in its DSN. Each answers from its own table, moved by no search path.
func TestAuditTableOfEachTenant(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		tenants := map[string]*testdb.DB{"one": g.Open(t), "two": g.Open(t)}
		for name, db := range tenants {
			if err := db.AutoMigrate(&visit{}, &visitStop{}); err != nil {
				t.Fatal(err)
			}
			if err := db.Create(&visit{ID: 1, Place: "of " + name}).Error; err != nil {
				t.Fatal(err)
			}
		}
		then := time.Now()
		time.Sleep(2 * time.Millisecond)
		for name, db := range tenants {
			if err := db.Model(&visit{ID: 1}).Update("place", "still of "+name).Error; err != nil {
				t.Fatal(err)
			}
		}
		for name, db := range tenants {
			records, err := history.Of(db.DB, &visit{ID: 1}).Find(t.Context())
			if err != nil || len(records) != 2 || records[0].After["place"] != "of "+name || records[1].After["place"] != "still of "+name {
				t.Errorf("%s: %+v, %v", name, records, err)
			}
			row := visit{ID: 1}
			if err := history.AsOf(t.Context(), db.DB, &row, then); err != nil || row.Place != "of "+name {
				t.Errorf("%s: as of then: %+v, %v", name, row, err)
			}
			if _, err := history.RevertTo(t.Context(), db.DB, &visit{ID: 1}, then); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, db := range tenants {
			row := visit{}
			if err := db.First(&row, 1).Error; err != nil || row.Place != "of "+name {
				t.Errorf("%s: reverted to %+v, %v", name, row, err)
			}
			if n, err := history.Search(db.DB).Count(t.Context()); err != nil || n != 3 {
				t.Errorf("%s: %d records, %v", name, n, err)
			}
		}
	})
}
