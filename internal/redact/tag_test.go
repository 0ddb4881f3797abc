package redact

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzTag(f *testing.F) {
	for _, s := range []string{"", "-", "mask", "mask=4", "mask=-1", "mask=+4", "mask=99999999999999999999", "hash", "show", "mask = 4", "MASK", "\xff"} {
		f.Add(s, "1234567890")
	}
	f.Fuzz(func(t *testing.T, tag, value string) {
		r, err := parseTag(tag)
		if err != nil {
			if !errors.Is(err, ErrUnknownTag) || r != (rule{}) {
				t.Fatalf("%q: %v, %+v", tag, err, r)
			}
			return
		}
		w := walker{config: Config{HashKey: []byte("k")}, table: "t"}
		got, _ := w.apply(member{rule: r, shape: anything}, []string{"c"}, value).(string)
		switch r.op {
		case opNone, opShow:
			if got != value {
				t.Errorf("%q shows %q for %q", tag, got, value)
			}
		case opTail:
			shown, masked := strings.CutPrefix(got, Mask)
			if n := utf8.RuneCountInString(shown); !masked || n != 0 && (n != r.tail || utf8.RuneCountInString(value) < 2*n+2) {
				t.Errorf("%q shows %q for %q", tag, got, value)
			}
		case opHash:
			if !strings.HasPrefix(got, "hmac-sha256:") {
				t.Errorf("%q shows %q", tag, got)
			}
		default:
			if got != Mask {
				t.Errorf("%q shows %q", tag, got)
			}
		}
	})
}

func FuzzSecretName(f *testing.F) {
	f.Add("userPassword", "x")
	f.Add("\xff_pin", "É")
	f.Fuzz(func(t *testing.T, name, prefix string) {
		if SecretName(name) != SecretName("_"+name+"-") {
			t.Errorf("separators around %q matter", name)
		}
		if !SecretName(prefix + "_password") {
			t.Errorf("%q_password is not a secret", prefix)
		}
	})
}
