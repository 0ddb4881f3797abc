package auditweb

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
)

// origin is a column of a row: its value, and who set it.
type origin struct {
	Name, Path string
	Value      value
	Who, WhoIs string
	Ago        string
	When       time.Time
	Reason     value
	Record     string // link to the change; "" where no record tells
	Changes    string // link to all changes of the column
}

// rowPage is what the page of a row shows.
type rowPage struct {
	list
	Table, ID     string
	Kind, Name    string
	Crumb         bool // the title does not say all of kind and key
	Gone          bool
	Origins       []origin
	OriginsWhyNot string
	Path          string // the field that the trail is narrowed to
	PathName      string
	All           string // link to the whole trail
	With          string // link to the trail with all that belongs to the row, or back
	IsWith        bool
	Then          string // link to the row as it was
	Own           string
	Note          string
}

// row shows what became of a row, and who set each of its columns.
func (q *request) row() error {
	table, id := q.r.FormValue("table"), q.r.FormValue("id")
	if table == "" || id == "" {
		return badRequest("“table” and “id”: say which row.")
	}
	all := q.h.scoped(q.ctx, q.h.unscoped())
	_, err := all.Row(table, id).Limit(1).First(q.ctx)
	if err != nil && !errors.Is(err, history.ErrNotFound) {
		return err
	}
	recorded := err == nil
	model, _, err := q.h.keyed(q.ctx, table, id)
	if err != nil {
		return err
	}
	p := rowPage{Table: table, ID: id, Kind: brief(q.h.called("", table)), Path: q.r.FormValue("path"), Own: q.ownPage(table, id)}
	whole := recorded && model != nil
	if whole {
		if whole, err = q.isWhole(all, table, id); err != nil {
			return err
		}
		if !whole {
			p.OriginsWhyNot = "Some of its changes are not for you to see, so that this page cannot say what its values are."
		}
	}
	if !recorded {
		return notFound("The trail knows no " + visible(p.Kind) + " " + brief(named(id)) + ". Rows that did not change since recording began are not in it.")
	}
	if whole {
		if err := q.origins(&p, model); err != nil {
			return err
		}
		p.Then = link("then", nil, "table", table, "id", id, "at", q.now.AddDate(0, 0, -7).Format("2006-01-02T15:04"))
	}
	ask := all.Row(table, id)
	f := filter{values: map[string]string{"table": table, "id": id}}
	more := []string{"path", p.Path}
	if p.IsWith = q.r.FormValue("with") == "all" && model != nil; p.IsWith {
		ask = q.h.scoped(q.ctx, q.h.asked(history.Of(q.h.db, model).With(clause.Associations)))
		p.With = link("row", nil, "table", table, "id", id)
		more = append(more, "with", "all")
	} else if model != nil && len(q.h.models.of(table).Relationships.Relations) > 0 {
		p.With = link("row", nil, "table", table, "id", id, "with", "all")
	}
	if p.Path != "" {
		ask, q.about = ask.Path(p.Path), p.Path
		p.PathName = q.h.label(table, history.Field{Path: p.Path})
		p.All = link("row", nil, "table", table, "id", id)
	}
	if p.list, err = q.list(ask, f, "row", more...); err != nil {
		if !p.IsWith || !errors.Is(err, history.ErrRedacted) && !errors.Is(err, history.ErrInvalidQuery) {
			return err
		}
		return badRequest("What belongs to it cannot be told: a foreign key is kept secret in the records.")
	}
	p.name()
	title := p.Kind + " " + brief(named(id))
	if p.Name != "" {
		title = p.Kind + " " + p.Name
	}
	p.Crumb = p.Name != "" || named(id) != brief(named(id))
	return q.show("row", title, f.box(), p)
}

// name finds the row's own name in its entries, and its kind.
func (p *rowPage) name() {
	for i := range p.Items {
		it := &p.Items[i]
		if it.Entry.Table == p.Table && it.Entry.RecordID == p.ID {
			it.Own = true
			p.Kind = it.Object
			if p.Name == "" {
				p.Name = it.ObjectN
			}
		}
	}
}

// asked adds what the host says of every question.
func (h *Handler) asked(q history.Query) history.Query {
	if h.cfg.ask != nil {
		q = h.cfg.ask(q)
	}
	return q
}

// isWhole reports whether the viewer may see every record of a row. Only then may the row
// itself be read for them.
func (q *request) isWhole(all history.Query, table, id string) (bool, error) {
	if q.h.cfg.scope == nil {
		return true, nil
	}
	seen, err := all.Row(table, id).Count(q.ctx)
	if err != nil {
		return false, err
	}
	every, err := q.h.unscoped().Row(table, id).Count(q.ctx)
	return seen == every && seen > 0, err
}

// narrowed makes history's functions ask what the viewer may ask.
func (q *request) narrowed() history.Option {
	return history.Asking(func(ask history.Query) history.Query { return q.h.scoped(q.ctx, q.h.asked(ask)) })
}

// origins tells who set each column.
func (q *request) origins(p *rowPage, model any) error {
	lines, err := history.Blame(q.ctx, q.h.db, model, q.narrowed())
	if errors.Is(err, history.ErrNotFound) {
		p.Gone = true
		return nil
	}
	if err != nil {
		return err
	}
	now, _, err := q.image(model, p.Table, history.AtSeq(math.MaxInt64))
	if err != nil {
		return err
	}
	p.Gone = now == nil
	column := ""
	if p.Path != "" {
		column = diffpath.Split(p.Path)[0]
	}
	for _, l := range lines {
		if column != "" && l.Column != column {
			continue
		}
		cell, known := now[l.Column]
		o := origin{Name: q.h.label(p.Table, history.Field{Path: l.Column}), Path: l.Column, Value: cell}
		if l.Record == nil && !known && now != nil {
			continue // never recorded
		}
		if l.Record == nil && now == nil {
			continue // a row that is gone, and nobody knows what was in it
		}
		o.Changes = link("row", nil, "table", p.Table, "id", p.ID, "path", l.Column)
		if l.Record != nil {
			// A document may have numbers that the model rounds; the record does not.
			if !known || cell.Kind == "json" || cell.Kind == "doc" {
				o.Value = q.recorded(l.Column, l.Value)
			}
			e := history.Timeline([]audit.Record{*l.Record}, history.Zone(q.h.cfg.zone), history.Now(q.now))[0]
			o.Record = link("record", nil, "id", e.ID)
			o.Who, o.When, o.Ago, o.Reason = brief(actorName(e.Actor)), e.Time, e.Ago, q.told(e.Reason, o.Record)
			if e.Actor.ID != "" {
				o.WhoIs = link("actor", nil, "id", e.Actor.ID, "type", e.Actor.Type)
			}
		}
		if column == "" { // the page of one column has room for it
			o.Value = q.whole(o.Value, o.Changes)
		}
		p.Origins = append(p.Origins, o)
	}
	return nil
}

// recorded is a value of a record, as the viewer may see it.
func (q *request) recorded(column string, v any) value {
	if !q.viewer.CanSeeValues {
		return hiddenValue("rights", nil)
	}
	e := history.Timeline([]audit.Record{{Action: audit.Create, After: map[string]any{column: v}}}, history.Nulls())[0]
	if len(e.Fields) == 1 {
		return q.h.shown(e.Fields[0], v, "")
	}
	return q.h.valueOf(v)
}

// image is a row at a moment, as records would show it; nil where there was none. Without
// the plugin on the handle nobody knows what of a row must not be shown.
func (q *request) image(model any, table string, when history.Moment) (map[string]value, history.Gaps, error) {
	var gaps history.Gaps
	p, s := q.h.plugin(), q.h.models.of(table)
	if p == nil {
		return nil, gaps, nil
	}
	row := cloned(model)
	err := history.AsOf(q.ctx, q.h.db, row, when, q.narrowed(), history.Partial(&gaps))
	if errors.Is(err, history.ErrNotFound) {
		return nil, gaps, nil
	}
	if err != nil {
		return nil, gaps, err
	}
	columns, raw := stored(q.ctx, q.h.db.Name(), s, row)
	seen, err := p.RecordedRow(s, s.Table, columns, raw)
	if err != nil || seen == nil {
		return nil, gaps, err
	}
	unknown := map[string]value{}
	for _, name := range gaps.Redacted {
		unknown[name] = value{Kind: "hidden", Text: "hidden", Title: "changed since, and the records do not show what it was"}
	}
	for _, name := range gaps.Lost {
		unknown[name] = value{Kind: "hidden", Text: "not known", Title: "the records do not tell what it was"}
	}
	for _, name := range gaps.Erased {
		unknown[name] = hiddenValue("erased", nil)
	}
	cells := map[string]value{}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if slices.Contains(gaps.Unrecorded, name) {
			continue
		}
		cells[name] = q.recorded(name, seen[name])
		if v, ok := unknown[name]; ok {
			cells[name] = v
		}
	}
	return cells, gaps, nil
}

// momentOf reads what "at" says: a record's number, or a time.
func (q *request) momentOf(text string) (history.Moment, string, error) {
	if seq, err := strconv.ParseInt(text, 10, 64); err == nil {
		return history.AtSeq(seq), "", nil
	}
	t, err := moment(text, q.now)
	if err != nil {
		return history.Moment{}, "", badRequest("“at”: " + err.Error())
	}
	if t.IsZero() {
		return history.Moment{}, "", badRequest("“at”: say when.")
	}
	return history.At(t), at(t.In(q.h.cfg.zone)), nil
}
