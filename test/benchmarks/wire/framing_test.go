package wire

import (
	"bytes"
	"testing"
)

// message is a message of PostgreSQL's frontend.
func message(kind byte, body string) []byte {
	n := len(body) + 4
	return append([]byte{kind, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

// packet is a packet of MySQL's client.
func packet(number byte, body []byte) []byte {
	n := len(body)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), number}, body...)
}

// Messages are found however they are cut into writes.
func TestPostgresMessages(t *testing.T) {
	stream := bytes.Join([][]byte{
		{0, 0, 0, 8, 'E', 'E', 'E', 'E'}, // the start, which has no letter
		message('p', "QQQQ"),
		message('Q', "begin"),
		message('P', "SELECT 1"), message('D', ""), message('S', ""),
		message('B', "EEEE"), message('E', "Q"), message('S', ""),
		message('Q', ""),
	}, nil)
	for size := 1; size <= len(stream); size++ {
		var traffic Traffic
		feed(&postgresMessages{}, stream, size, &traffic)
		if got := traffic.Counts(); got.Statements != 3 || got.Prepares != 1 {
			t.Fatalf("in writes of %d bytes: %+v, want 3 statements and 1 prepared", size, got)
		}
	}
}

func TestMySQLCommands(t *testing.T) {
	stream := bytes.Join([][]byte{
		packet(1, []byte{comQuery, comQuery}), // an answer while the session starts
		packet(0, append([]byte{comQuery}, "START TRANSACTION"...)),
		packet(0, append([]byte{comStmtPrepare}, "SELECT ?"...)),
		packet(0, []byte{comStmtExecute, 0, 0, 0, 0}),
		packet(0, []byte{0x19, 0, 0, 0, 0}), // close
		packet(0, []byte{0x0e}),             // ping
	}, nil)
	for size := 1; size <= len(stream); size++ {
		var traffic Traffic
		feed(&mysqlCommands{}, stream, size, &traffic)
		if got := traffic.Counts(); got.Statements != 2 || got.Prepares != 1 {
			t.Fatalf("in writes of %d bytes: %+v, want 2 statements and 1 prepared", size, got)
		}
	}
}

// A command of 16 MiB or more goes on in further packets, which are no commands.
func TestMySQLLongCommand(t *testing.T) {
	full := bytes.Repeat([]byte{comQuery}, fullPacket)
	for name, rest := range map[string][]byte{"more": {comQuery, comQuery}, "nothing": {}} {
		var traffic Traffic
		stream := bytes.Join([][]byte{packet(0, full), packet(1, rest), packet(0, []byte{comQuery})}, nil)
		feed(&mysqlCommands{}, stream, 1<<20, &traffic)
		if got := traffic.Counts(); got.Statements != 2 {
			t.Errorf("%s follows: %d statements, want 2", name, got.Statements)
		}
	}
}

func feed(m interface{ sent([]byte, *Traffic) }, stream []byte, size int, t *Traffic) {
	for len(stream) > 0 {
		n := min(size, len(stream))
		m.sent(stream[:n], t)
		stream = stream[n:]
	}
}
