package crash

import (
	"bytes"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// cut is what a proxy does to the next COMMIT.
type cut int32

const (
	cutNothing cut = iota
	// cutReply lets the server commit and keeps the reply back.
	cutReply
	// cutRequest lets the server hear nothing of it.
	cutRequest
)

// proxy stands between a client and a server, and can break the connection around
// a COMMIT.
type proxy struct {
	server string
	commit []byte // how the protocol says it
	next   atomic.Int32
}

// throughProxy returns the data source name of d by way of a proxy.
func throughProxy(t *testing.T, d *testdb.DB) (*proxy, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &proxy{}
	var dsn string
	if d.Target.Dialect == testdb.Postgres {
		u, err := url.Parse(d.DSN)
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		query.Set("sslmode", "disable") // the proxy reads along
		p.server, u.Host, u.RawQuery = u.Host, l.Addr().String(), query.Encode()
		dsn = u.String()
		p.commit = []byte("\x00\x00\x00\x0bcommit\x00")
	} else {
		config, err := driver.ParseDSN(d.DSN)
		if err != nil {
			t.Fatal(err)
		}
		p.server, config.Addr = config.Addr, l.Addr().String()
		dsn = config.FormatDSN()
		p.commit = []byte("\x03COMMIT")
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed
			}
			go p.serve(client)
		}
	}()
	return p, dsn
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return // the client sees the connection end, and its test fails
	}
	defer server.Close()
	var silent atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if silent.Load() {
				return // the reply to COMMIT, which nobody gets
			}
			if n > 0 {
				if _, err := client.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				_ = client.Close()
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if bytes.Contains(buffer[:n], p.commit) {
			switch cut(p.next.Swap(int32(cutNothing))) {
			case cutRequest:
				return
			case cutReply:
				silent.Store(true)
				_, _ = server.Write(buffer[:n])
				<-ended
				return
			}
		}
		if n > 0 {
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
