package history

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
)

// mentioned is the condition that an image has one of some values in a column, by
// their texts: at least the records that do, and perhaps a few more. Loose ones are in any
// case.
func (b *builder) mentioned(images []string, name string, texts []string, loose bool) (clause.Expression, error) {
	var found []clause.Expression
	for _, n := range b.names(name) {
		for _, image := range images {
			e, err := b.sql.Mentions(image, n, texts, loose)
			if err != nil {
				return nil, err
			}
			found = append(found, e)
		}
	}
	return condition.OneOf(found), nil
}

// mentionTexts are the texts under which databases know a canonical value inside JSON.
func mentionTexts(v any) []string {
	if yes, ok := v.(bool); ok {
		if yes {
			return []string{"true", "1"}
		}
		return []string{"false", "0"}
	}
	text, err := condition.JSON(v)
	if err != nil {
		return nil
	}
	return []string{condition.Unquote(text)}
}

// mentions narrows a question to records whose images, before or after, have one of
// the tuples' values in a right column.
func (l *link) mentions(q Query, images []string, tuples [][]any, loose bool) Query {
	return q.where(func(b *builder) (clause.Expression, error) {
		var found []clause.Expression
		for n, i := range l.right {
			var texts []string
			for _, vals := range tuples {
				texts = append(texts, mentionTexts(vals[n])...)
			}
			slices.Sort(texts)
			e, err := b.mentioned(images, l.to.columns[i].name, slices.Compact(texts), loose)
			if err != nil {
				return nil, err
			}
			found = append(found, e)
		}
		for i := range l.fixed { // which hardly ever changes
			for _, n := range b.names(l.to.columns[i].name) {
				e, err := b.changed(n)
				if err != nil {
					return nil, err
				}
				found = append(found, e)
			}
		}
		return condition.OneOf(found), nil
	})
}

// about narrows a question to records of the rows that may tell what the columns
// held: creations, deletions, baselines and changes of one of them.
func (t *rowTable) about(q Query, recordIDs []string, columns []int) Query {
	q = q.ofTable(t.name).rows().anyOf("record", "record_id", recordIDs)
	return q.where(func(b *builder) (clause.Expression, error) {
		found := []clause.Expression{among{"action", []any{string(audit.Create), string(audit.Delete), string(audit.Event)}}}
		for _, i := range columns {
			for _, n := range b.names(t.columns[i].name) {
				e, err := b.changed(n)
				if err != nil {
					return nil, err
				}
				found = append(found, e)
			}
		}
		return condition.OneOf(found), nil
	})
}

// collect reads the records that q finds, with no more of them than the columns need,
// by row.
func (t *rowTable) collect(ctx context.Context, q Query, columns []int, into map[string][]audit.Record) error {
	for r, err := range q.All(ctx) {
		if err != nil {
			return fmt.Errorf("auditplugin: records of table %q: %w", t.bare, err)
		}
		slim := audit.Record{Seq: r.Seq, Action: r.Action, TransactionID: r.TransactionID, Before: map[string]any{}, After: map[string]any{}}
		for _, i := range columns {
			name := t.columns[i].name
			if v, ok := r.Before[name]; ok {
				slim.Before[name] = v
			}
			if v, ok := r.After[name]; ok {
				slim.After[name] = v
			}
			if slices.Contains(r.Changed, name) {
				slim.Changed = append(slim.Changed, name)
			}
		}
		into[r.RecordID] = append(into[r.RecordID], slim)
	}
	return nil
}

// seqs narrows a question to the records with the given numbers.
func (q Query) seqs(numbers []int64) Query {
	return q.where(func(*builder) (clause.Expression, error) {
		in := clause.IN{Column: condition.Column("seq"), Values: []any{}}
		for _, n := range numbers {
			in.Values = append(in.Values, n)
		}
		return in, nil
	})
}
