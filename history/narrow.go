package history

import (
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// Model asks for the rows of a model's table, or, where the handle names one, of that:
// Search(db.Table("visits_2024")).Model(&Visit{}). It also lets From and To know what
// the columns hold.
func (q Query) Model(model any) Query {
	q.model = model
	return q.where(func(b *builder) (clause.Expression, error) {
		e := b.inTable(b.named)
		if b.q.timed && b.q.limit == 0 && b.facts.GuessesWindows {
			// The database knows how many records a table has on average, but not how
			// few a window with one end has. The plus sign keeps it to the window.
			return clause.Expr{SQL: "+?", Vars: []any{e}}, nil
		}
		return e, nil
	})
}

// Type asks for records of one of the given types: what a model's AuditName says,
// its name in snake case ("user"), or a join table's name.
func (q Query) Type(types ...string) Query { return q.anyOf("Type", "record_type", types) }

// Action asks for records with one of the given actions.
func (q Query) Action(actions ...audit.Action) Query {
	texts := make([]string, len(actions))
	for i, a := range actions {
		texts[i] = string(a)
	}
	return q.anyOf("Action", "action", texts)
}

// Actor asks for what the actors with one of the given ids did. Ids are unique
// within a type only: see [Query.ActorType].
func (q Query) Actor(ids ...string) Query {
	q.indexed = true
	return q.anyOf("Actor", "actor_id", ids)
}

// ActorType asks for what actors of one of the given types did.
func (q Query) ActorType(types ...string) Query { return q.anyOf("ActorType", "actor_type", types) }

// OnBehalfOf asks for what was done for the principals with one of the given ids; see
// [audit.Actor].OnBehalfOf.
func (q Query) OnBehalfOf(ids ...string) Query {
	return q.anyOf("OnBehalfOf", "on_behalf_of_id", ids)
}

// Session asks for what was done in the given sessions; see [audit.Actor].SessionID.
func (q Query) Session(ids ...string) Query { return q.anyOf("Session", "session_id", ids) }

// Tenant asks for the records of the given tenants; "" stands for those that name none.
// See [audit.WithTenant].
func (q Query) Tenant(tenants ...string) Query {
	given := len(q.conditions)
	q = q.anyOf("Tenant", "tenant", tenants)
	// What belongs to a row is a matter of the same tenant's records.
	q.whose = append(slices.Clip(q.whose), q.conditions[given:]...)
	if slices.Contains(tenants, "") {
		return q
	}
	q.indexed = true
	// The index holds only records that name one, and is found by these words.
	return q.where(func(*builder) (clause.Expression, error) {
		return clause.Expr{SQL: "? <> ''", Vars: []any{condition.Column("tenant")}}, nil
	})
}

// Transaction asks for what a transaction did; see [audit.Record].TransactionID.
func (q Query) Transaction(ids ...string) Query {
	q.indexed = true
	return q.anyOf("Transaction", "transaction_id", ids)
}

// Request asks for what was done during a request; see [audit.Request].
func (q Query) Request(ids ...string) Query { return q.anyOf("Request", "request_id", ids) }

// ID asks for the records with the given ids, as log lines carry them.
func (q Query) ID(ids ...string) Query {
	q.indexed = true
	return q.anyOf("ID", "id", ids)
}

// Cause asks for the records that follow from the given ones: the rows a cascade
// took along, the changes that undid it.
func (q Query) Cause(ids ...string) Query { return q.anyOf("Cause", "cause", ids) }

// Reason asks for records whose reason contains text. Case is ignored as far as
// the database's LOWER goes: for ASCII letters only on SQLite.
func (q Query) Reason(text string) Query {
	if text == "" {
		return q.failed("Reason: no text")
	}
	pattern := "%" + condition.EscapeLike(emitter.StoredText("reason", text)) + "%"
	return q.where(func(*builder) (clause.Expression, error) {
		return clause.Expr{SQL: "LOWER(?) LIKE LOWER(?) ESCAPE '!'", Vars: []any{condition.Column("reason"), pattern}}, nil
	})
}

// Since asks for records made at t or later, by [audit.Record].Time.
func (q Query) Since(t time.Time) Query {
	q.timed, q.since = true, t
	return q.where(func(b *builder) (clause.Expression, error) {
		return clause.Gte{Column: condition.Column("occurred_at"), Value: storedTime(b.facts, t)}, nil
	})
}

// Until asks for records made before t.
func (q Query) Until(t time.Time) Query {
	q.timed, q.until = true, t
	return q.where(func(b *builder) (clause.Expression, error) {
		return clause.Lt{Column: condition.Column("occurred_at"), Value: storedTime(b.facts, t)}, nil
	})
}

// storedTime is a moment as the audit table holds it: in UTC, in microseconds, and
// as the text that the emitter wrote where the database, or its driver's settings,
// would otherwise have a say.
func storedTime(facts *dialect.Facts, t time.Time) any {
	if t = t.UTC().Truncate(time.Microsecond); t.Year() > 9999 { // which not all databases have
		t = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	}
	if facts.MomentLayout == "" || facts.MomentMark != "" {
		return t
	}
	return t.Format(facts.MomentLayout)
}

func (q Query) anyOf(method, name string, texts []string) Query {
	if len(texts) == 0 {
		return q.failed("%s: nothing given", method)
	}
	stored := make([]any, len(texts))
	for i, text := range texts {
		stored[i] = emitter.StoredText(name, text)
	}
	return q.where(func(*builder) (clause.Expression, error) { return among{name, stored}, nil })
}

// equals is the condition that a column holds a text, as the audit table stores it.
func equals(name, text string) clause.Expression {
	return among{name, []any{emitter.StoredText(name, text)}}
}

// among is the condition that a column holds one of some stored texts.
type among struct {
	column string
	texts  []any
}

// longList is how many texts are better looked up one by one than in a list.
const longList = 50

// Build writes the condition. Where an index takes texts that differ in trailing spaces
// for the same, a second term does not.
func (a among) Build(b clause.Builder) {
	in := clause.IN{Column: condition.Column(a.column), Values: a.texts}
	stmt, ok := b.(*gorm.Statement)
	if ok && len(a.texts) > longList && dialect.FactsOf(stmt.Dialector.Name()).WalksLists {
		rows := strings.TrimSuffix(strings.Repeat("(?), ", len(a.texts)), ", ")
		clause.Expr{SQL: "? = ANY(ARRAY(VALUES " + rows + "))", Vars: append([]any{condition.Column(a.column)}, a.texts...)}.Build(b)
		return
	}
	neverPadded := a.column == "table_name" || a.column == "action"
	if !ok || neverPadded || dialect.FactsOf(stmt.Dialector.Name()).ExactText == "" {
		in.Build(b)
		return
	}
	padded := func(text any) bool { s, ok := text.(string); return !ok || strings.HasSuffix(s, " ") }
	if !slices.ContainsFunc(a.texts, padded) {
		condition.AllOf(in, clause.Expr{SQL: "? NOT LIKE '% '", Vars: []any{condition.Column(a.column)}}).Build(b)
		return
	}
	facts := dialect.FactsOf(stmt.Dialector.Name())
	marks := strings.TrimSuffix(strings.Repeat(facts.ExactText+", ", len(a.texts)), ", ")
	exact := clause.Expr{SQL: facts.ExactColumn + " IN (" + marks + ")", Vars: append([]any{condition.Column(a.column)}, a.texts...)}
	condition.AllOf(in, exact).Build(b)
}
