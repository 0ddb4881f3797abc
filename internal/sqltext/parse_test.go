package sqltext

import (
	"strings"
	"testing"
)

// summary writes statements as text: kind, savepoint, tables, implicit commit.
func summary(all []Statement) string {
	kinds := map[Kind]string{
		Other: "other", Select: "select", Insert: "insert", Update: "update", Delete: "delete", Merge: "merge",
		Truncate: "truncate", Savepoint: "savepoint", RollbackTo: "rollback to", Release: "release", Begin: "begin",
		Commit: "commit", Rollback: "rollback", TwoPhase: "two-phase", DDL: "ddl", SetAutocommit: "set autocommit",
		SetTransaction: "set transaction", Lock: "lock", Explain: "explain",
	}
	var out []string
	for _, s := range all {
		parts := []string{kinds[s.Kind]}
		if s.Name != "" {
			name := s.Name
			if s.Quoted {
				name = "«" + name + "»"
			}
			parts = append(parts, name)
		}
		for _, t := range s.Writes {
			if t.Schema != "" {
				t.Name = t.Schema + "/" + t.Name
			}
			parts = append(parts, ">"+t.Name)
		}
		if s.ImplicitCommit {
			parts = append(parts, "!")
		}
		out = append(out, strings.Join(parts, " "))
	}
	return strings.Join(out, "; ")
}

type parseCase struct{ dialects, query, want string }

func runParse(t *testing.T, cases []parseCase) {
	t.Helper()
	for _, c := range cases {
		for _, d := range dialectsIn(c.dialects) {
			if got := summary(Parse(d, c.query)); got != c.want {
				t.Errorf("%s: %s\n got  %s\n want %s", d, c.query, got, c.want)
			}
		}
	}
}

// dialectsIn expands the letters s, p and m.
func dialectsIn(letters string) []string {
	var out []string
	for _, r := range letters {
		out = append(out, map[rune]string{'s': "sqlite", 'p': "postgres", 'm': "mysql"}[r])
	}
	return out
}

func TestParseWrites(t *testing.T) {
	runParse(t, []parseCase{
		{"spm", "", ""},
		{"spm", " ;; ; -- nothing\n", ""},
		{"spm", "select 1", "select"},
		{"spm", "((SELECT 1) UNION (SELECT 2))", "select"},
		{"spm", "VALUES (1)", "select"},
		{"spm", "SELECT * FROM t WHERE a = 'DELETE FROM users' FOR UPDATE", "select"},
		{"spm", "insert into users (a) values (1)", "insert >users"},
		{"spm", "INSERT INTO users SELECT * FROM other", "insert >users"},
		{"spm", "INSERT INTO app . users VALUES (1)", "insert >app/users"},
		{"p", `INSERT INTO "db"."App"."us""ers" VALUES (1)`, `insert >App/us"ers`},
		{"p", `UPDATE U&"\0075sers" SET a = 1`, "update >users"},
		{"m", "INSERT IGNORE users VALUES (1)", "insert >users"},
		{"m", "INSERT LOW_PRIORITY INTO `us``ers` SET a = 1", "insert >us`ers"},
		{"m", `INSERT INTO "users" VALUES (1)`, "insert >users"},
		{"m", "INSERT INTO 2users VALUES (1)", "insert >2users"},
		{"m", "INSERT INTO app.2users VALUES (1)", "insert >app/2users"},
		{"m", "INSERT INTO 2app.2users VALUES (1)", "insert >2app/2users"},
		{"s", "INSERT OR REPLACE INTO [users] VALUES (1)", "insert >users"},
		{"s", "INSERT INTO 'users' VALUES (1)", "insert >users"},
		{"sm", "REPLACE INTO users VALUES (1)", "insert >users"},
		{"sm", "SELECT REPLACE(a, 'b', 'c') FROM t", "select"},
		{"m", "SELECT INSERT(a, 1, 2, 'c'), TRUNCATE(b, 2) FROM t", "select"},
		{"spm", "UPDATE users SET a = 1 WHERE id IN (SELECT id FROM other)", "update >users"},
		{"s", "UPDATE OR IGNORE users SET a = 1", "update >users"},
		{"s", "\ufeffUPDATE \ufeffusers SET a = 1", "update >users"},
		{"sp", "UPDATE users SET a = o.b FROM other o WHERE o.id = users.id", "update >users"},
		{"p", "UPDATE ONLY users SET a = 1", "update >users"},
		{"p", "UPDATE ONLY (app.users) SET a = 1", "update >app/users"},
		{"p", "UPDATE users AS u SET a = 1", "update >users"},
		{"m", "UPDATE a JOIN b ON f(a.x, b.y) = 1 SET a.c = 1, b.c = 2", "update >a >b"},
		{"m", "UPDATE a, app.b AS x LEFT JOIN c USING (id, k) SET a.c = 1", "update >a >app/b >c"},
		{"m", "UPDATE (a CROSS JOIN (b, c)) SET a.c = 1", "update >a >b >c"},
		{"m", "UPDATE a JOIN (SELECT id FROM z, y) q ON q.id = a.id SET a.c = 1", "update >a"},
		{"m", "UPDATE LOW_PRIORITY IGNORE a PARTITION (p0, p1) x SET x.c = 1", "update >a"},
		{"spm", "DELETE FROM users WHERE id = 1", "delete >users"},
		{"p", "DELETE FROM ONLY users USING other WHERE true", "delete >users"},
		{"m", "DELETE u FROM users u JOIN b ON b.id = u.id", "delete >users"},
		{"m", "DELETE u.*, x FROM app.users AS u, b x WHERE 1", "delete >app/users >b"},
		{"m", "DELETE FROM a, b USING a JOIN b JOIN c", "delete >a >b"},
		{"m", "DELETE QUICK FROM users LIMIT 1", "delete >users"},
	})
}

func TestParseTruncateMergeCopy(t *testing.T) {
	runParse(t, []parseCase{
		{"p", "TRUNCATE users", "truncate >users"},
		{"m", "TRUNCATE TABLE app.users", "truncate >app/users !"},
		{"p", "TRUNCATE TABLE ONLY a, b *, app.c RESTART IDENTITY CASCADE", "truncate >a >b >app/c"},
		{"p", "MERGE INTO ONLY users u USING o ON true WHEN MATCHED THEN DELETE", "merge >users"},
		{"p", "COPY users (a, b) FROM STDIN", "insert >users"},
		{"p", "COPY users TO STDOUT", "select"},
		{"p", "COPY (DELETE FROM users RETURNING *) TO STDOUT", "delete >users"},
		{"p", "COPY (SELECT 1) TO STDOUT", "select"},
		{"p", "SELECT a INTO TEMP newtable FROM users", "insert >newtable"},
		{"m", "SELECT a INTO @x FROM users", "select"},
		{"m", "LOAD DATA LOCAL INFILE 'f' REPLACE INTO TABLE users FIELDS TERMINATED BY ','", "insert >users"},
		{"m", "LOAD INDEX INTO CACHE t", "other !"},
	})
}

func TestParseWith(t *testing.T) {
	runParse(t, []parseCase{
		{"spm", "WITH x AS (SELECT 1) SELECT * FROM x", "select"},
		{"sp", "WITH x AS (SELECT 1) UPDATE users SET a = 1", "update >users"},
		{"m", "WITH x AS (SELECT 1) DELETE FROM users", "delete >users"},
		{"p", "WITH x AS (DELETE FROM users RETURNING *) SELECT * FROM x", "delete >users"},
		{
			"p", "WITH a AS MATERIALIZED (UPDATE t1 SET x = 1), b (c) AS (INSERT INTO t2 VALUES (1)) DELETE FROM t3",
			"delete >t3 >t1 >t2",
		},
		{"p", "WITH RECURSIVE x AS (SELECT 1) SEARCH DEPTH FIRST BY id SET o INSERT INTO t SELECT 1", "insert >t"},
		{"p", "SELECT * FROM t WHERE (update) AND (delete) = 1", "select"},
	})
}

func TestParseExplain(t *testing.T) {
	runParse(t, []parseCase{
		{"spm", "EXPLAIN DELETE FROM users", "explain"},
		{"s", "EXPLAIN QUERY PLAN DELETE FROM users", "explain"},
		{"pm", "EXPLAIN ANALYZE DELETE FROM users", "delete >users"},
		{"p", "EXPLAIN ANALYZE VERBOSE WITH x AS (DELETE FROM users) SELECT 1", "delete >users"},
		{"p", "EXPLAIN (COSTS off, ANALYZE) DELETE FROM users", "delete >users"},
		{"p", "EXPLAIN (ANALYZE false) DELETE FROM users", "explain"},
		{"p", "EXPLAIN (ANALYZE 0, VERBOSE) DELETE FROM users", "explain"},
		{"m", "ANALYZE FORMAT=JSON DELETE FROM users", "delete >users"},
		{"m", "ANALYZE TABLE users", "other !"},
		{"p", "ANALYZE users", "other"},
		{"m", "DESC users", "explain"},
	})
}

func TestParseTransactions(t *testing.T) {
	runParse(t, []parseCase{
		{"sp", "BEGIN; BEGIN IMMEDIATE; START TRANSACTION", "begin; begin; begin"},
		{"m", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "begin !"},
		{"spm", "COMMIT; ROLLBACK; ROLLBACK WORK", "commit; rollback; rollback"},
		{"sp", "END TRANSACTION", "commit"},
		{"p", "ABORT", "rollback"},
		{"spm", "SAVEPOINT Sp1; ROLLBACK TO Sp1; RELEASE SAVEPOINT Sp1", "savepoint Sp1; rollback to Sp1; release Sp1"},
		{"sp", `SAVEPOINT "Sp""1"`, `savepoint «Sp"1»`},
		{"sm", "ROLLBACK WORK TO SAVEPOINT `a b`", "rollback to «a b»"},
		{"s", "RELEASE [x]; SAVEPOINT 'y'; ROLLBACK TRANSACTION TO z", "release «x»; savepoint «y»; rollback to z"},
		{"sp", "RELEASE savepoint", "release savepoint"},
		{"p", "PREPARE TRANSACTION 'x'; COMMIT PREPARED 'x'; ROLLBACK PREPARED 'x'", "two-phase; two-phase; two-phase"},
		{"m", "XA PREPARE 'x'", "two-phase"},
		{"pm", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "set transaction"},
		{"p", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "set transaction"},
		{"p", "LOCK TABLE users IN SHARE MODE", "lock"},
	})
}

func TestParseImplicitCommit(t *testing.T) {
	runParse(t, []parseCase{
		{"m", "CREATE TABLE t (a int)", "ddl !"},
		{"sp", "CREATE TABLE t (a int)", "ddl"},
		{"m", "CREATE TEMPORARY TABLE t (a int)", "ddl"},
		{"m", "CREATE OR REPLACE TEMPORARY TABLE t (a int)", "ddl"},
		{"m", "DROP TEMPORARY TABLE t", "ddl"},
		{"m", "DROP TABLE t; ALTER TABLE t ADD b int; RENAME TABLE t TO u", "ddl !; ddl !; ddl !"},
		{"m", "LOCK TABLES t WRITE; UNLOCK TABLES", "lock !; lock !"},
		{"m", "SET autocommit = 1", "set autocommit !"},
		{"m", "SET autocommit = 0", "set autocommit"},
		{"m", "SET SESSION autocommit := OFF", "set autocommit"},
		{"m", "SET a = 1, @@session.autocommit = ON", "set autocommit !"},
		{"m", "SET @@autocommit = ?", "set autocommit !"},
		{"m", "SET @autocommit = 1", "other"},
		{"m", "SET GLOBAL autocommit = 1", "other"},
		{"m", "SET @@global.autocommit = 1", "other"},
		{"m", "SET PASSWORD = 'x'", "other !"},
		{"m", "SET STATEMENT max_statement_time = 1 FOR DELETE FROM users", "delete >users"},
		{"m", "FLUSH TABLES", "other !"},
		{"m", "CALL p(1)", "other"},
	})
}

func TestParseBodies(t *testing.T) {
	runParse(t, []parseCase{
		{"m", "BEGIN NOT ATOMIC IF 1 THEN DELETE FROM a; END IF; INSERT INTO b VALUES (1); END; SELECT 1", "other >a >b; select"},
		{"p", "DO $x$ BEGIN DELETE FROM users; PERFORM 1; UPDATE app.t SET a = 1; END $x$ LANGUAGE plpgsql", "other >users >app/t"},
		{"p", "DO 'BEGIN EXECUTE ''DELETE FROM users''; END'", "other >users"},
		{"m", `EXECUTE IMMEDIATE 'DELETE FROM users WHERE a = \'x\''`, "other >users"},
		{"m", "PREPARE s FROM 'TRUNCATE users'", "other >users"},
		{"p", "PREPARE s (int) AS DELETE FROM users WHERE id = $1", "delete >users"},
	})
	const trigger = "CREATE TRIGGER x AFTER UPDATE ON t BEGIN UPDATE u SET a = CASE 1 WHEN 1 THEN 2 END; DELETE FROM v; END; SELECT 1"
	if got := summary(Parse("sqlite", trigger)); got != "ddl; select" {
		t.Errorf("sqlite trigger: %s", got)
	}
	if got := summary(Parse("mysql", trigger)); got != "ddl !; select" {
		t.Errorf("mysql trigger: %s", got)
	}
}

func TestParseLexing(t *testing.T) {
	runParse(t, []parseCase{
		{"spm", "SELECT ';' ; DELETE FROM users", "select; delete >users"},
		{"spm", "/* UPDATE a SET b */ DELETE -- x\n FROM/**/users", "delete >users"},
		{"p", "/* a /* b */ DELETE FROM x; */ DELETE FROM users", "delete >users"},
		{"sm", "/* a /* b */ DELETE FROM users", "delete >users"},
		{"m", "# UPDATE a\nDELETE FROM users", "delete >users"},
		{"m", "SELECT 1--1; DELETE FROM users", "select; delete >users"},
		{"sp", "SELECT 1--1; DELETE FROM users", "select"},
		{"m", "/*!50001 DELETE */ FROM users /*! WHERE a = 1 */", "delete >users"},
		{"m", "/*M!100100 DELETE FROM users */", "delete >users"},
		{"m", `SELECT 'it\'s; DELETE FROM a'`, "select"},
		{"sp", `SELECT '\'; DELETE FROM users`, "select; delete >users"},
		{"p", `SELECT E'\'; DELETE FROM a'`, "select"},
		{"p", "SELECT E'a'\n '\\'; DELETE FROM a'", "select"},
		{"p", "SELECT $a$; DELETE FROM a $b$ $a$; DELETE FROM users", "select; delete >users"},
		{"p", "SELECT a$b, $1; DELETE FROM users WHERE c = $2", "select; delete >users"},
		{"s", "SELECT [a;b], \"c;d\", `e;f`, :g, @h, ?1, $i; DELETE FROM users", "select; delete >users"},
		{"spm", "SELECT 'unterminated; DELETE FROM users", "select"},
		{"spm", ") ( . , DELETE", "other"},
	})
}

func TestFirst(t *testing.T) {
	cases := map[string]Kind{
		"":                              Other,
		"  \n select 1":                 Select,
		"SELECT(1)":                     Select,
		"Update t SET a = 1":            Update,
		"DELETE FROM t":                 Delete,
		"insert into t values (1)":      Insert,
		"/* x */ DELETE FROM t":         Delete,
		"ROLLBACK TO SAVEPOINT a":       RollbackTo,
		"SELECTED":                      Other,
		"update1 t":                     Other,
		"WITH x AS (SELECT 1) SELECT 1": Select,
	}
	for query, want := range cases {
		if got := First("postgres", query); got != want {
			t.Errorf("First(%q) = %d, want %d", query, got, want)
		}
	}
	for _, query := range []string{"SELECT * FROM t", " insert INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t"} {
		if n := testing.AllocsPerRun(10, func() { First("sqlite", query) }); n != 0 {
			t.Errorf("First(%q) allocates %v times", query, n)
		}
	}
}

func TestParseKeepsWhetherNamesAreQuoted(t *testing.T) {
	for query, want := range map[string]Table{
		`DELETE FROM "Users"`:       {Name: "Users", Quoted: true},
		`DELETE FROM Users`:         {Name: "Users"},
		`DELETE FROM "App".Users`:   {Schema: "App", Name: "Users"},
		`DELETE FROM app . "Users"`: {Schema: "app", Name: "Users", Quoted: true},
	} {
		if got := Parse("postgres", query)[0].Writes; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v", query, got)
		}
	}
}

// Statements inside one another are followed to a bounded depth only, so that a
// long text can not exhaust the stack, and redacting never makes text grow much.
func TestParseDeepText(t *testing.T) {
	const n = 2_000
	for depth, want := range map[int]string{maxDepth - 1: "delete >t", maxDepth: "other", n: "other"} {
		if got := summary(Parse("postgres", strings.Repeat("PREPARE a AS ", depth)+"DELETE FROM t")); got != want {
			t.Errorf("depth %d: %s, want %s", depth, got, want)
		}
	}
	for _, form := range []string{
		"(", ")", "WITH ", "WITH(", "EXPLAIN ANALYZE ", "PREPARE AS ", "SET STATEMENT FOR ", "(UPDATE(", "DELETE,", ";", "'", "$$", "/*", "CASE ",
	} {
		text := strings.Repeat(form, n)
		for _, d := range dialectsIn("spm") {
			Parse(d, text)
			if got := Redact(d, text); len(got) > 2*len(text) {
				t.Errorf("%s: %q grows to %d bytes", d, form, len(got))
			}
		}
	}
}
