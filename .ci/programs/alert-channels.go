// A program that sends an alert to a web hook.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/alert/channels"
)

func main() {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = string(body)
	}))
	defer server.Close()
	channel, err := channels.New("generic://" + strings.TrimPrefix(server.URL, "http://") + "/hook?template=json&disabletls=yes")
	if err == nil {
		err = channel.Send(context.Background(), alert.Message{ID: "0192", Rule: "changed", Text: "Ada changed a phone"})
	}
	if err != nil || !strings.Contains(got, "Ada changed a phone") {
		fmt.Fprintln(os.Stderr, "sent:", got, err)
		os.Exit(1)
	}
	fmt.Println(got)
}
