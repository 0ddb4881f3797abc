package wire

import (
	"net"
	"sync/atomic"
)

// conn counts what passes a network connection.
type conn struct {
	net.Conn
	traffic *Traffic
	// messages looks into what is sent. Writers take turns.
	messages interface{ sent(p []byte, t *Traffic) }
	asked    atomic.Bool
}

// Write counts what it sends. Messages are looked at before they leave, since the
// reply may be read before Write returns.
func (c *conn) Write(p []byte) (int, error) {
	c.messages.sent(p, c.traffic)
	c.asked.Store(true)
	n, err := c.Conn.Write(p)
	c.traffic.sent.Add(int64(n))
	return n, err
}

// Read counts a round trip when it is the first to bring something since a Write.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.traffic.received.Add(int64(n))
		if c.asked.Swap(false) {
			c.traffic.roundTrips.Add(1)
		}
	}
	return n, err
}
