package capture

import (
	"regexp"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/sqltext"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// random matches what gives another value for each row and each time, or counts the rows
// that it was evaluated for.
var random = regexp.MustCompile(`(?i)\b(?:rand|random|random_normal|randomblob|random_bytes|gen_random_bytes|uuid|uuid_short|uuid_generate_v\w+|uuidv[47]|gen_random_uuid|nextval|setval)\s*\(|\bnext\s+value\s+for\b|@[\w$]+\s*:=`)

// refuseRandom refuses a statement whose condition gives other rows each time, where it
// would be evaluated twice: the rows that were read are not those that it changes.
func refuseRandom(s *statement.Statement) error {
	if strings.IndexByte(s.Query, '(') < 0 && !strings.Contains(s.Query, ":=") && !sqltext.Mentions(s.Query, "next") {
		return nil
	}
	if !random.MatchString(s.Conditions()) {
		return nil
	}
	return s.Refuse("its condition gives other rows each time it is evaluated; select their keys first")
}

// moving matches what is another time in the next statement.
var moving = regexp.MustCompile(`(?i)\b(?:clock_timestamp|statement_timestamp|timeofday|sysdate)\s*\(|\b(?:now|curtime|utc_time|utc_timestamp|current_time|current_timestamp|localtime|localtimestamp)\s*\(\s*[1-6]\s*\)`)

// refuseMoving refuses an UPDATE of which expressions are evaluated ahead, to tell where its
// rows go or what they will be, that give another value each time.
func refuseMoving(s *statement.Statement, exprs []clause.Expression) error {
	b := s.SQL()
	for _, e := range exprs {
		e.Build(b)
		statement.Write(b, " ")
	}
	if text := b.SQL.String(); random.MatchString(text) || moving.MatchString(text) {
		return s.Refuse("it assigns another value each time to a key, or to rows without one; read the value first")
	}
	return nil
}

// refuseUnfound refuses an UPDATE one of whose rows is not found again, where nothing but
// the statement could have taken it away: it would be recorded as deleted.
func refuseUnfound(s *statement.Statement, before table.Image) error {
	c := s.Table.Catalog
	if before.HasNull(s.Table.Key) {
		return s.Refuse("a row whose key is NULL is not found again")
	}
	if c.KeysMove && !c.HasRules && c.Kind != catalog.View {
		return s.Refuse("a row that it changed is not found again by its key; a trigger may have given it another one")
	}
	if c.HasUserTriggers || c.Triggered || c.HasRules || c.Kind != catalog.Plain && c.Kind != catalog.Partitioned {
		return nil
	}
	return s.Refuse("a row that it changed is not found again by its key")
}

// checkGap notices rows that another transaction put in the statement's way after
// the images were read: they changed without a before image. Rows that row-level security
// hides from the role are counted only.
func checkGap(s *statement.Statement, out statement.Outcome, captured int) error {
	affected := out.Affected() // drivers that can not count say 0
	if affected <= int64(captured) || !s.Name.Simple || s.Table.Catalog.Kind == catalog.View {
		return nil
	}
	if s.Table.Catalog.RowSecurity {
		s.Unseen = affected - int64(captured)
		return nil
	}
	return s.Refuse("%d rows changed but only %d were there when their images were read", affected, captured)
}

// mayReplace reports whether an UPDATE of the named columns may remove rows whose unique
// values it assigns to others: by UPDATE OR REPLACE, or by a constraint of the table.
func mayReplace(s *statement.Statement, names []string) bool {
	t := s.Table
	return (t.Catalog.Replaces || s.Modifies("REPLACE")) && (t.Catalog.PartialUniques || t.KeyIn(names) || t.KeysChange(names))
}

// refuseReplaced runs such an UPDATE, and refuses it where it has removed rows: which they
// were nobody tells.
func refuseReplaced(s *statement.Statement, update func() (statement.Outcome, error)) (statement.Outcome, error) {
	count := "SELECT COUNT(*) FROM " + s.Table.SQLName
	before, err := s.Ledger.Int(s.Ctx, count)
	if err != nil {
		return statement.Outcome{}, s.Unreadable(err)
	}
	out, err := update()
	if err != nil {
		return out, err
	}
	after, err := s.Ledger.Int(s.Ctx, count)
	if err != nil {
		return out, s.Unreadable(err)
	}
	if after < before {
		return out, s.Refuse("it removed %d rows that were in its way; delete them first", before-after)
	}
	return out, nil
}

// refusePassedOver reports whether an UPDATE left all rows as they are that it was to make
// others: by IGNORE, a trigger, or a constraint of the table. Where it left some, a row that
// is found in a new place need not be the one that was to go there.
func refusePassedOver(s *statement.Statement, out statement.Outcome, before []table.Row, next successors) (bool, error) {
	if k := s.Table.Catalog.Kind; k == catalog.View || s.Table.Catalog.HasRules {
		return false, nil // which count what they like
	}
	going := int64(0)
	for i, n := range next.rows {
		if n.moves || n.image != nil && !table.Same(before[i].Image, n.image) {
			going++
		}
	}
	n, err := out.Count()
	if err != nil {
		return false, nil //nolint:nilerr // a driver that can not count leaves nothing to compare with
	}
	if n == int64(len(before)) && going > 0 && s.Modifies("IGNORE") && !s.Dialect.OneWriter {
		// MySQL's drivers can be made to count the rows that were found (clientFoundRows).
		stay, err := staying(s, before, next)
		if err != nil {
			return false, err
		}
		n = going - stay
	}
	if n >= going {
		return false, nil
	}
	if n == 0 {
		return true, nil
	}
	return false, s.Refuse("only %d of its %d rows changed; which of them got other keys can not be told", n, going)
}

// staying is how many of the rows that were to get another key have theirs still.
func staying(s *statement.Statement, before []table.Row, next successors) (int64, error) {
	t := s.Table
	taken := make(map[string]bool, len(next.rows))
	was := make(map[string]table.Image, len(next.rows))
	var keys [][]any
	for i, n := range next.rows {
		if taken[n.id] = true; n.moves {
			was[t.Identity(before[i].Image)] = before[i].Image
			keys = append(keys, t.KeyParams(before[i].Image, before[i].Raw))
		}
	}
	rows, err := s.ReadByKey(t, keys)
	if err != nil {
		return 0, err
	}
	same, alone := int64(0), int64(0)
	for _, r := range rows {
		id := t.Identity(r.Image)
		if table.Same(was[id], r.Image) {
			same++
		}
		if !taken[id] { // no other row was to go there
			alone++
		}
	}
	if same == int64(len(keys)) {
		return same, nil
	}
	return alone, nil
}

// byIdentity has rows that were read by their keys, by the values at the given positions.
// Where the database does not hold that key unique, another row may have it, too.
func byIdentity(s *statement.Statement, rows []table.Row, at []int) (map[string]table.Image, error) {
	found := make(map[string]table.Image, len(rows))
	for _, r := range rows {
		id := r.Image.Identity(at)
		if twin, met := found[id]; met && !table.Same(twin, r.Image) {
			return nil, s.Refuse("rows have the same key, so that they can not be told apart")
		}
		found[id] = r.Image
	}
	return found, nil
}
