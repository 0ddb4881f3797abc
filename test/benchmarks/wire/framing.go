package wire

// postgresMessages finds the messages of the frontend: a letter, four bytes of
// length that count themselves, and a body. Only the first message, which starts the
// session, has no letter.
type postgresMessages struct {
	started bool
	head    []byte
	skip    int
}

func (m *postgresMessages) sent(p []byte, t *Traffic) {
	for len(p) > 0 {
		if m.skip > 0 {
			n := min(m.skip, len(p))
			m.skip, p = m.skip-n, p[n:]
			continue
		}
		size := 5
		if !m.started {
			size = 4
		}
		n := min(size-len(m.head), len(p))
		m.head, p = append(m.head, p[:n]...), p[n:]
		if len(m.head) < size {
			return
		}
		length := m.head[size-4:]
		m.skip = int(length[0])<<24 + int(length[1])<<16 + int(length[2])<<8 + int(length[3]) - 4
		if m.started {
			switch m.head[0] {
			case 'Q', 'E':
				t.statements.Add(1)
			case 'P':
				t.prepares.Add(1)
			}
		}
		m.started, m.head = true, m.head[:0]
	}
}

// mysqlCommands finds the client's commands: packets of three bytes of length and
// a sequence number, which is 0 for a command, whose first byte says which.
type mysqlCommands struct {
	head []byte
	skip int
	// longer says that the last packet was full, so that the next continues it.
	longer bool
}

// The commands that count, from the protocol's documentation.
const (
	comQuery       = 0x03
	comStmtPrepare = 0x16
	comStmtExecute = 0x17

	fullPacket = 1<<24 - 1
)

func (m *mysqlCommands) sent(p []byte, t *Traffic) {
	const head = 4 // the length and the number
	for len(p) > 0 {
		if m.skip > 0 {
			n := min(m.skip, len(p))
			m.skip, p = m.skip-n, p[n:]
			continue
		}
		if len(m.head) < head {
			n := min(head-len(m.head), len(p))
			m.head, p = append(m.head, p[:n]...), p[n:]
			if len(m.head) == head && m.length() == 0 {
				m.head, m.longer = m.head[:0], false // the end of a longer one
			}
			continue
		}
		if m.head[3] == 0 && !m.longer {
			switch p[0] {
			case comQuery, comStmtExecute:
				t.statements.Add(1)
			case comStmtPrepare:
				t.prepares.Add(1)
			}
		}
		m.skip, m.longer, m.head = m.length(), m.length() == fullPacket, m.head[:0]
	}
}

func (m *mysqlCommands) length() int {
	return int(m.head[0]) + int(m.head[1])<<8 + int(m.head[2])<<16
}
