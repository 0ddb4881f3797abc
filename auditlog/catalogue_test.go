package auditlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/auditlog"
)

func TestCatalogue(t *testing.T) {
	out := auditlog.Define[struct {
		User string `json:"user_id" event:"subject"`
	}]("user.sign_out")
	in := signedIn()
	c, err := auditlog.NewCatalogue(out, in)
	if err != nil {
		t.Fatal(err)
	}
	var text, file, again bytes.Buffer
	if err := errors.Join(c.WriteText(&text), c.WriteJSON(&file), c.WriteJSON(&again)); err != nil {
		t.Fatal(err)
	}
	const want = `user.sign_in: Signed in (about user; authentication)
    user_id: text, subject, required
    method: text, required
    code: text, masked
    card: text, hashed
    gone: text, never recorded
    password: text
    tries: integer, required
    from: list of object
    from.*.country: text
    from.*.token: text, masked
    at: time
    took: duration
    Rooms: map of integer

user.sign_out: user.sign_out (about user)
    user_id: text, subject
`
	if text.String() != want {
		t.Errorf("the text is\n%s\nwant\n%s", &text, want)
	}
	if file.String() != again.String() || !json.Valid(file.Bytes()) {
		t.Errorf("the file is\n%s\nand\n%s", &file, &again)
	}
	read, err := auditlog.ReadCatalogue(&file)
	if err != nil || !reflect.DeepEqual(read.Definitions(), c.Definitions()) || !reflect.DeepEqual(read.Definitions()[0], in.Definition()) {
		t.Errorf("read are %+v, %v", read, err)
	}
	for _, bad := range []string{"", "[]", `{"version":2}`, `{"events":[]}`} {
		if _, err := auditlog.ReadCatalogue(strings.NewReader(bad)); !errors.Is(err, auditlog.ErrDefinition) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	var nothing *auditlog.Event[signIn]
	_, err = auditlog.NewCatalogue(in, nil, out, signedIn(), nothing)
	if !errors.Is(err, auditlog.ErrDefinition) || !strings.Contains(err.Error(), `"user.sign_in" is in the catalogue twice`) || strings.Count(err.Error(), "is nil") != 2 {
		t.Errorf("mistakes are %v", err)
	}
}

func TestLoggerWithACatalogue(t *testing.T) {
	in := signedIn()
	c, err := auditlog.NewCatalogue(in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auditlog.New(nil, auditlog.WithCatalogue(c)); !errors.Is(err, auditlog.ErrHashKey) || !errors.Is(err, auditlog.ErrInvalidOption) || !strings.Contains(err.Error(), "user.sign_in") {
		t.Errorf("a hash without a key: %v", err)
	}
	l, _, trail := newLogger(t, auditlog.WithCatalogue(c), auditlog.WithHashKey(hashKey), auditlog.WithErrorHandler(func(context.Context, error) {}))
	if err := l.Audit.Event(context.Background(), in.Of(aSignIn())); err != nil {
		t.Error(err)
	}
	trail.Reset()
	if err := l.Audit.Event(context.Background(), signedIn().Of(aSignIn())); !errors.Is(err, auditlog.ErrDefinition) || trail.Len() > 0 {
		t.Errorf("another event of the name: %v", err)
	}
}
