package brokertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gorm-audit/auditplugin/relay"
	sink "github.com/gorm-audit/auditplugin/relay/watermill"
)

// server starts a NATS server of the test's own, which keeps its streams in dir.
func server(t *testing.T, port int, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("nats-server", "-a", "127.0.0.1", "-p", fmt.Sprint(port), "-js", "-sd", dir)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if conn, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", port)); err == nil {
			defer conn.Close()
			if js, err := conn.JetStream(); err == nil {
				if _, err := js.AccountInfo(); err == nil {
					return cmd
				}
			}
		}
	}
	t.Fatal("the server did not start within 10 s")
	return nil
}

// The broker is killed while records are on their way, and comes back: all arrive,
// in order, and none is a dead letter.
func TestNATSServerDies(t *testing.T) {
	from(t, "AUDIT_NATS_URL") // the server itself is another one
	if _, err := exec.LookPath("nats-server"); err != nil {
		t.Skip("nats-server is not installed")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	must(t, listener.Close())
	dir := t.TempDir()
	running := server(t, port, dir)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)

	conn, err := nats.Connect(url, nats.ReconnectWait(50*time.Millisecond), nats.MaxReconnects(-1))
	must(t, err)
	defer conn.Close()
	js, err := conn.JetStream()
	must(t, err)
	_, err = js.AddStream(&nats.StreamConfig{Name: "audit", Subjects: []string{"audit"}, Storage: nats.FileStorage, Duplicates: 2 * time.Minute})
	must(t, err)

	db := changed(t)
	publisher, err := NATS(url)
	must(t, err)
	defer publisher.Close()
	s, err := sink.New(publisher, "audit")
	must(t, err)
	r, err := relay.New(db, relay.LeaseFor(time.Second), relay.PollEvery(5*time.Millisecond))
	must(t, err)
	must(t, r.Subscribe("broker", s, relay.Batch(10), relay.Retry(0, 10*time.Millisecond, 200*time.Millisecond)))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	wait := func(what string, ok func(relay.Stats) bool) {
		t.Helper()
		for end := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			st, err := r.Subscriber("broker").Stats(ctx)
			must(t, err)
			if ok(st) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %+v", what, st)
			}
		}
	}
	wait("some are delivered", func(st relay.Stats) bool { return st.Delivered > 0 })
	must(t, running.Process.Kill())
	_ = running.Wait()
	// More is written while the broker is down.
	must(t, db.Create(&account{ID: 100}).Error)
	wait("failures are counted", func(st relay.Stats) bool { return st.Failed > 0 })
	server(t, port, dir)
	wait("all are delivered", func(st relay.Stats) bool { return st.Lag == 0 && st.Dead == 0 && st.Delivered == records+1 })
	stop()
	must(t, <-done)

	subscription, err := js.SubscribeSync("audit", nats.OrderedConsumer())
	must(t, err)
	var o order
	for {
		m, err := subscription.NextMsg(500 * time.Millisecond)
		if errors.Is(err, nats.ErrTimeout) {
			break
		}
		must(t, err)
		o.add(t, m.Header.Get(nats.MsgIdHdr), m.Data)
	}
	if len(o.first) != records+1 {
		t.Errorf("%d different records in the stream, want %d", len(o.first), records+1)
	}
}
