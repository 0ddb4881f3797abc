package cli

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

// filter is what a question is narrowed by.
type filter struct {
	actors, actorTypes, actions, tables, types, columns, paths []string
	transactions, requests, causes                             []string
	from, to, reason                                           string
	since, until                                               string
}

// add adds the flags. Those about which rows are left out where a row is given.
func (f *filter) add(c *cobra.Command, rows bool) {
	flags := c.Flags()
	flags.StringSliceVar(&f.actors, "actor", nil, "id of who did it")
	flags.StringSliceVar(&f.actorTypes, "actor-type", nil, "kind of who did it")
	flags.StringSliceVar(&f.actions, "action", nil, "create, update, delete, soft_delete, restore, raw, event")
	if rows {
		flags.StringSliceVar(&f.tables, "table", nil, "the changed rows' table")
		flags.StringSliceVar(&f.types, "type", nil, "the changed rows' record type, such as user")
	}
	flags.StringSliceVar(&f.columns, "column", nil, "updates that changed the column")
	flags.StringSliceVar(&f.paths, "path", nil, "updates that changed a place in a JSON column: address.city")
	flags.StringVar(&f.from, "from", "", "what a column was before: phone=+49123; a JSON value, or else text")
	flags.StringVar(&f.to, "to", "", "what a column is since, likewise")
	flags.StringVar(&f.reason, "reason", "", "a part of the reason")
	flags.StringVar(&f.since, "since", "", "not before: "+whenHelp)
	flags.StringVar(&f.until, "until", "", "before")
	flags.StringSliceVar(&f.transactions, "transaction", nil, "id of the transaction")
	flags.StringSliceVar(&f.requests, "request", nil, "id of the request")
	flags.StringSliceVar(&f.causes, "cause", nil, "id of the record that it follows from")
	_ = c.RegisterFlagCompletionFunc("action", cobra.FixedCompletions( // the flag is there
		[]string{"create", "update", "delete", "soft_delete", "restore", "raw", "event"}, cobra.ShellCompDirectiveNoFileComp))
}

// words reads a query: key:value for flags by their names, everything else is a part
// of the reason.
func (f *filter) words(c *cobra.Command, query []string) error {
	var rest []string
	for _, word := range query {
		name, value, ok := strings.Cut(word, ":")
		flag := c.LocalNonPersistentFlags().Lookup(name)
		if !ok || flag == nil || value == "" {
			rest = append(rest, word)
			continue
		}
		if err := c.Flags().Set(name, value); err != nil {
			return usage("%s: %v", name, err)
		}
	}
	if len(rest) > 0 {
		f.reason = strings.Join(rest, " ")
	}
	return nil
}

// narrow narrows q.
func (f *filter) narrow(s *session, q history.Query) (history.Query, error) {
	for _, part := range []struct {
		values []string
		add    func(...string) history.Query
	}{
		{f.actors, func(v ...string) history.Query { return q.Actor(v...) }},
		{f.actorTypes, func(v ...string) history.Query { return q.ActorType(v...) }},
		{f.types, func(v ...string) history.Query { return q.Type(v...) }},
		{f.columns, func(v ...string) history.Query { return q.Column(v...) }},
		{f.transactions, func(v ...string) history.Query { return q.Transaction(v...) }},
		{f.requests, func(v ...string) history.Query { return q.Request(v...) }},
		{f.causes, func(v ...string) history.Query { return q.Cause(v...) }},
		{f.tables, func(v ...string) history.Query {
			return q.Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Where("table_name IN ?", v) })
		}},
	} {
		if len(part.values) > 0 {
			q = part.add(part.values...)
		}
	}
	for _, path := range f.paths {
		q = q.Path(path)
	}
	if len(f.actions) > 0 {
		actions := make([]audit.Action, len(f.actions))
		for i, a := range f.actions {
			actions[i] = audit.Action(a)
		}
		q = q.Action(actions...)
	}
	if f.reason != "" {
		q = q.Reason(f.reason)
	}
	for flag, set := range map[string]struct {
		text string
		ask  func(string, any) history.Query
	}{"from": {f.from, func(n string, v any) history.Query { return q.From(n, v) }}, "to": {f.to, func(n string, v any) history.Query { return q.To(n, v) }}} {
		if set.text == "" {
			continue
		}
		column, value, ok := strings.Cut(set.text, "=")
		if !ok || column == "" {
			return q, usage("--%s %q is not column=value", flag, set.text)
		}
		q = set.ask(column, literal(value))
	}
	return f.window(s, q)
}

func (f *filter) window(s *session, q history.Query) (history.Query, error) {
	if f.since != "" {
		t, err := s.when("since", f.since)
		if err != nil {
			return q, err
		}
		q = q.Since(t)
	}
	if f.until != "" {
		t, err := s.when("until", f.until)
		if err != nil {
			return q, err
		}
		q = q.Until(t)
	}
	return q, nil
}

// literal reads a value: JSON, or else a text.
func literal(text string) any {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || d.More() {
		return text
	}
	return v
}
