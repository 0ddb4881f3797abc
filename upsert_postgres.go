package auditplugin

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm/clause"
)

// pgBefore is the setting that carries a row's before image from the conflict's
// WHERE, which sees the locked row, to RETURNING, which is evaluated right after
// that row was written. It is local to the transaction and emptied each time.
const pgBefore = "auditplugin.before"

// upsertPostgres takes the before image inside the statement. Reading ahead could
// miss a row that another transaction inserts in between.
func (j *job) upsertPostgres(oc clause.OnConflict) (outcome, error) {
	returning, ok := j.returningText()
	if !ok {
		return j.upsertReadFirst(oc)
	}
	t := j.t
	s := j.scratch()
	if !oc.DoNothing {
		capture := clause.Expr{SQL: "set_config('" + pgBefore + "', ARRAY[" + strings.Join(j.asTexts(true), ",") + "]::text, true) IS NOT NULL"}
		if len(oc.Where.Exprs) > 0 {
			oc.Where = clause.Where{Exprs: []clause.Expression{caseWhen{oc.Where, capture}}}
		} else {
			oc.Where = clause.Where{Exprs: []clause.Expression{capture}}
		}
		c := s.Clauses["ON CONFLICT"]
		c.Expression = oc
		s.Clauses = maps.Clone(s.Clauses)
		s.Clauses["ON CONFLICT"] = c
	}
	build(s, "INSERT", "VALUES", "ON CONFLICT")
	write(s, " ")
	if returning == "" {
		write(s, "RETURNING ")
	} else {
		write(s, returning, ",")
	}
	write(s, strings.Join(j.asTexts(false), ","))
	write(s, ",current_setting('"+pgBefore+"', true),set_config('"+pgBefore+"', '', true)")
	n := len(t.cols)
	set, err := j.queryUser(strings.TrimSpace(s.SQL.String()), s.Vars, n+2)
	if err != nil {
		return outcome{}, err
	}
	theirs, added := split(set, n+2)
	for _, raw := range added {
		after := j.fromTexts(raw[:n])
		var before image
		if text, _ := raw[n].(string); text != "" {
			fields, err := parsePGArray(text)
			if err != nil || len(fields) != n {
				return outcome{}, j.auditError(errPGArray)
			}
			before = j.fromTexts(fields)
		}
		if before != nil && sameImage(before, after) {
			continue
		}
		j.changed(t, before, after)
	}
	return j.insertOutcome(theirs, int64(len(added)))
}

// caseWhen evaluates then only where cond holds; AND promises no order.
type caseWhen struct {
	cond clause.Where
	then clause.Expression
}

func (c caseWhen) Build(b clause.Builder) {
	_, _ = b.WriteString("CASE WHEN ")
	c.cond.Build(b)
	_, _ = b.WriteString(" THEN ")
	c.then.Build(b)
	_, _ = b.WriteString(" ELSE false END")
}

// asTexts reads columns as text, the same way before and after, so that both
// images are comparable whatever the type.
func (j *job) asTexts(qualified bool) []string {
	list := slices.Clone(j.t.bare)
	if qualified {
		list = slices.Clone(j.t.qualified)
	}
	for i := range list {
		if j.t.cols[i].DBType == "BYTEA" {
			list[i] = "encode(" + list[i] + ",'hex')"
		} else {
			list[i] += "::text"
		}
	}
	return list
}

func (j *job) fromTexts(raw []any) image {
	img := make(image, len(j.t.cols))
	for i, v := range raw {
		if text, ok := v.(string); ok {
			switch j.t.cols[i].DBType {
			case "BYTEA":
				if b, err := hex.DecodeString(text); err == nil {
					v = b
				}
			case "BOOL":
				v = text == "true"
			}
		}
		img[i] = j.t.rules[i].Normalise(v)
	}
	return img
}

var errPGArray = &quietError{text: "auditplugin: before image in an unknown form"}

// parsePGArray parses the text of a one-dimensional text[]: PostgreSQL manual,
// section 8.15.6, "Array Input and Output Syntax".
func parsePGArray(text string) ([]any, error) {
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return nil, errPGArray
	}
	text = text[1 : len(text)-1]
	var out []any
	for len(text) > 0 {
		var field strings.Builder
		quoted := text[0] == '"'
		i := 0
		if quoted {
			i = 1
			for ; ; i++ {
				if i >= len(text) {
					return nil, errPGArray
				}
				if text[i] == '"' {
					i++
					break
				}
				if text[i] == '\\' {
					if i++; i >= len(text) {
						return nil, errPGArray
					}
				}
				field.WriteByte(text[i])
			}
		} else {
			for i < len(text) && text[i] != ',' {
				field.WriteByte(text[i])
				i++
			}
		}
		if !quoted && field.String() == "NULL" {
			out = append(out, nil)
		} else {
			out = append(out, field.String())
		}
		if i == len(text) {
			break
		}
		if text[i] != ',' {
			return nil, errPGArray
		}
		text = text[i+1:]
	}
	return out, nil
}
