package leaks

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Texts are looked at in pieces of these lengths, every stride characters, so that
// twelve characters of a secret in a row are always found, and often fewer. Pieces
// in hexadecimal are longer, or they would be found in ids by chance.
const (
	window, hexWindow, listWindow, stride = 9, 18, 30, 4
	digits                                = 12
)

// secrets makes values that must not be found, and finds them.
type secrets struct {
	random *rand.Rand
	names  []string
	// unsought makes the same secrets without noting how to find them.
	unsought bool
	// pieces of the forms that secrets can have; the value says whose.
	pieces, hexPieces, listPieces, numbers map[string]int
}

func newSecrets() *secrets {
	return &secrets{
		random: rand.New(rand.NewPCG(7, 7)),
		pieces: map[string]int{}, hexPieces: map[string]int{}, listPieces: map[string]int{}, numbers: map[string]int{},
	}
}

// next makes a secret with the given name: letters and digits that stand in no
// other text by chance.
func (s *secrets) next(name string) string {
	const letters = "bcdfghjklmnpqrstvwxyz0123456789"
	value := make([]byte, 24)
	for i := range value {
		value[i] = letters[s.random.IntN(len(letters))]
	}
	s.names = append(s.names, name)
	s.add(string(value))
	return string(value)
}

// special makes a secret of characters that encoders escape.
func (s *secrets) special(name string) string {
	plain := s.next(name)
	value := plain[:4] + "\"<é&\n'\\ %\u2028" + plain[4:8]
	s.add(value)
	if s.unsought {
		return value
	}
	quoted, _ := json.Marshal(value)
	inner := string(quoted[1 : len(quoted)-1])
	for _, form := range []string{
		inner, strings.NewReplacer(`\u003c`, "<", `\u0026`, "&", `\u2028`, "\u2028").Replace(inner),
		url.QueryEscape(value), url.PathEscape(value), html.EscapeString(value), strings.ReplaceAll(value, "'", "''"),
		strings.Trim(strconv.Quote(value), `"`), strings.Trim(strconv.QuoteToASCII(value), `"`),
	} {
		s.piece(form)
	}
	return value
}

// number makes a secret number of twelve digits.
func (s *secrets) number(name string) int64 {
	n := 100_000_000_000 + s.random.Int64N(900_000_000_000)
	s.names = append(s.names, name)
	s.numbers[strconv.FormatInt(n, 10)] = len(s.names) - 1
	return n
}

// long makes a secret above the size of which only a digest is recorded.
func (s *secrets) long(name string) string {
	value := strings.Repeat(s.next(name), 4000)
	if !s.unsought {
		s.digests(value)
	}
	return value
}

// piece notes the pieces of one form of the latest secret.
func (s *secrets) piece(form string) {
	for i := 0; i+window <= len(form); i++ {
		s.pieces[form[i:i+window]] = len(s.names) - 1
	}
}

func (s *secrets) hexPiece(value []byte) {
	form := hex.EncodeToString(value)
	for i := 0; i+hexWindow <= len(form); i++ {
		s.hexPieces[form[i:i+hexWindow]] = len(s.names) - 1
		s.hexPieces[strings.ToUpper(form[i:i+hexWindow])] = len(s.names) - 1
	}
}

// listPiece notes the pieces of a value written as a list of numbers, as %v does.
func (s *secrets) listPiece(value []byte) {
	for _, form := range []string{fmt.Sprintf("%d", value), strings.ReplaceAll(fmt.Sprintf("%d", value), " ", ",")} {
		for i := 0; i+listWindow <= len(form); i++ {
			s.listPieces[form[i:i+listWindow]] = len(s.names) - 1
		}
	}
}

// add notes what gives the latest secret away: the value, whatever stands around
// it, and its digests.
func (s *secrets) add(value string) {
	if s.unsought {
		return
	}
	s.piece(value)
	s.piece(strings.ToUpper(value))
	s.hexPiece([]byte(value))
	s.listPiece([]byte(value))
	for offset := range 3 {
		form := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat(" ", offset) + value))
		s.piece(form[4 : len(form)-3])
		s.piece(strings.NewReplacer("+", "-", "/", "_").Replace(form[4 : len(form)-3]))
	}
	s.digests(value)
}

func (s *secrets) digests(value string) {
	a, b, c := sha256.Sum256([]byte(value)), sha1.Sum([]byte(value)), md5.Sum([]byte(value))
	for _, digest := range [][]byte{a[:], b[:], c[:]} {
		s.hexPiece(digest)
		s.piece(base64.StdEncoding.EncodeToString(digest))
	}
}

// in names the secrets that text holds, in any spelling.
func (s *secrets) in(text string) []string {
	found := map[int]bool{}
	look := func(pieces map[string]int, i, length int) {
		if i+length > len(text) {
			return
		}
		if which, ok := pieces[text[i:i+length]]; ok {
			found[which] = true
		}
	}
	for i := range len(text) {
		if i%stride == 0 {
			look(s.pieces, i, window)
			look(s.hexPieces, i, hexWindow)
			look(s.listPieces, i, listWindow)
		}
		if text[i] >= '1' && text[i] <= '9' {
			look(s.numbers, i, digits)
		}
	}
	var names []string
	for which := range found {
		names = append(names, s.names[which])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestSearch: what is there is found, however it is written.
func TestSearch(t *testing.T) {
	s := newSecrets()
	plain, special, number, long := s.next("plain"), s.special("special"), s.number("number"), s.long("long")
	s.next("absent")
	quoted, _ := json.Marshal(special)
	sum := sha256.Sum256([]byte(long))
	for want, texts := range map[string][]string{
		"plain": {
			plain, "x" + plain[:12], plain[12:] + "x", strings.ToUpper(plain), hex.EncodeToString([]byte("x" + plain)),
			base64.StdEncoding.EncodeToString([]byte(plain)), base64.URLEncoding.EncodeToString([]byte("x" + plain)),
			base64.RawStdEncoding.EncodeToString([]byte("xx" + plain)), fmt.Sprintf("%X", plain), fmt.Sprintf("%d", []byte(plain)), url.QueryEscape("a b" + plain),
		},
		"special": {special, string(quoted), url.QueryEscape(special), fmt.Sprintf("%q", special), html.EscapeString(special)},
		"number":  {fmt.Sprint(number), fmt.Sprintf("%d.5", number)},
		"long":    {long, hex.EncodeToString(sum[:])},
	} {
		for _, text := range texts {
			if got := s.in("before " + text + " after"); len(got) != 1 || got[0] != want {
				t.Errorf("%q: found %q, want %q", text, got, want)
			}
		}
	}
	if got := s.in("nothing to see: " + plain[:window-1] + " " + plain[1:window] + strings.Repeat("z", 1000)); got != nil {
		t.Errorf("found %q in nothing", got)
	}
}
