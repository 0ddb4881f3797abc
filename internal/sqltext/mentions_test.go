package sqltext

import "testing"

func TestMentions(t *testing.T) {
	const name = "audit_logs"
	yes := []string{
		"SELECT * FROM audit_logs",
		"SELECT * FROM app.Audit_Logs WHERE a = 1",
		"select count(*) from `AUDIT_LOGS`",
		`SELECT * FROM "audit_logs"`,
		"SELECT * FROM [audit_logs]",
		"SELECT audit_logs.id FROM x",
		"SELECT 'audit_logs', a FROM audit_logs",
		`SELECT * FROM t WHERE a = 'it\'s' AND b IN (SELECT 'x' FROM audit_logs)`,
		"/*! SELECT * FROM audit_logs */",
	}
	no := []string{
		"", "SELECT 1", "audit_log", "audit_logs2", "SELECT * FROM my_audit_logs", "SELECT 'audit_logs'",
		"SELECT 1 /* audit_logs */", "SELECT 1 -- audit_logs", "SELECT 'a''audit_logs'",
	}
	for _, q := range yes {
		if !Mentions(q, name) {
			t.Errorf("%s: not mentioned", q)
		}
	}
	for _, q := range no {
		if Mentions(q, name) {
			t.Errorf("%s: mentioned", q)
		}
	}
	for q, n := range map[string]string{
		`SELECT * FROM "a""b"`:  `a"b`,
		"SELECT * FROM ÄUDIT":   "äudit",
		"SELECT * FROM 2x":      "2x",
		"SELECT * FROM `a b`":   "A B",
		"SELECT a, _a FROM t_A": "_A",
	} {
		if !Mentions(q, n) {
			t.Errorf("%s: %s not mentioned", q, n)
		}
	}
	if Mentions("SELECT 1", "") {
		t.Error("the empty name is mentioned")
	}
	q := "SELECT id, name, address FROM customers WHERE a = ? AND u = ?"
	if n := testing.AllocsPerRun(10, func() { Mentions(q, name) }); n != 0 {
		t.Errorf("Mentions allocates %v times", n)
	}
}

func TestSingle(t *testing.T) {
	for q, want := range map[string]bool{
		"": true, "SELECT 1": true, "SELECT 1; \n": true, "SELECT 1;;": false, "SELECT 1; COMMIT": false, "SELECT ';' ": false,
	} {
		if got := Single(q); got != want {
			t.Errorf("Single(%q) = %v", q, got)
		}
	}
}

func BenchmarkFirst(b *testing.B) {
	for b.Loop() {
		First("sqlite", "UPDATE `users` SET `phone`=? WHERE `id` = ?")
	}
}

func BenchmarkMentions(b *testing.B) {
	for b.Loop() {
		Mentions("SELECT * FROM `users` WHERE `users`.`age` = ? AND `users`.`deleted_at` IS NULL", "audit_logs")
	}
}
