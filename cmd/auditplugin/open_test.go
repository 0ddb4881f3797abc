package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/cli"
)

// The pages are served at the address that is printed, to nobody who asks for another
// host, and until the command is interrupted.
func TestOpen(t *testing.T) {
	databases(t, func(t *testing.T, db database) {
		must(t, db.Create(&account{ID: 7, Name: "Ada", MFA: "planted-mfa", Password: "planted-password", Born: time.Unix(0, 0)}).Error)
		ctx, interrupt := context.WithCancel(t.Context())
		out, in := io.Pipe()
		app := cli.App{Stdin: strings.NewReader(""), Stdout: in, Stderr: io.Discard, Getenv: func(string) string { return "" }, Now: time.Now, Zone: time.UTC}
		code := make(chan int, 1)
		go func() { code <- app.Run(ctx, []string{"open", "--dsn", db.dsn}) }()
		address, err := bufio.NewReader(out).ReadString('\n')
		must(t, err)
		address = strings.TrimSpace(address)
		get := func(path, host string) (int, string) {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+path, http.NoBody)
			must(t, err)
			r.Host = host
			answer, err := http.DefaultClient.Do(r)
			must(t, err)
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			must(t, err)
			return answer.StatusCode, string(body)
		}
		for _, path := range []string{"", "search?q=account+7", "row?table=accounts&id=7", "then?table=accounts&id=7"} {
			status, body := get(path, "")
			if path == "" && (status != http.StatusOK || !strings.Contains(body, "accounts") && !strings.Contains(body, "account")) {
				t.Errorf("%q: %d\n%s", path, status, body)
			}
			if strings.Contains(body, "planted") {
				t.Errorf("%q shows a secret", path)
			}
		}
		if status, _ := get("", "evil.example"); status != http.StatusMisdirectedRequest {
			t.Errorf("for another host: %d", status)
		}
		interrupt()
		select {
		case c := <-code:
			if c != 0 {
				t.Errorf("exit code %d", c)
			}
		case <-time.After(20 * time.Second):
			t.Error("it does not end")
		}
	})
}
