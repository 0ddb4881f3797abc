package channels_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/alert/channels"
)

// A webhook that takes JSON.
func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println(r.URL.Path, string(body))
	}))
	defer server.Close()

	// In production: generic://example.com/hooks/alerts?template=json
	channel, err := channels.New("generic://" + strings.TrimPrefix(server.URL, "http://") + "/hooks/alerts?template=json&disabletls=yes")
	if err != nil {
		panic(err)
	}
	err = channel.Send(context.Background(), alert.Message{
		ID: "0192", Rule: "mfa-phone-changed", Subject: "MFA phone changed: user 7", Text: "Ada changed the MFA phone of user 7",
	})
	fmt.Println(err)
	// Output:
	// /hooks/alerts {"id":"0192","link":"","message":"Ada changed the MFA phone of user 7","rule":"mfa-phone-changed","severity":"info","title":"MFA phone changed: user 7"}
	// <nil>
}
