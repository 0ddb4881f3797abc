package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"

	"github.com/itchyny/gojq"
)

// ErrQuery is a jq expression that cannot be read, or that failed for some objects.
var ErrQuery = errors.New("--jq")

// Query is a jq expression through which objects are written. It is for one run, and not
// safe for concurrent use.
type Query struct {
	results func(any) gojq.Iter
	over    func() error
	// Complain is told of each object for which the expression failed; the others are
	// written all the same.
	Complain      func(error)
	asked, failed int
}

// ParseQuery reads a jq expression, which runs until ctx ends, at most. Nothing of this
// process is to be had in it: neither its environment, nor files. Errors wrap [ErrQuery].
func ParseQuery(ctx context.Context, text string) (*Query, error) {
	parsed, err := gojq.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: it is no jq expression: %w", ErrQuery, err)
	}
	code, err := gojq.Compile(parsed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrQuery, err)
	}
	results := func(v any) gojq.Iter { return code.RunWithContext(ctx, v) }
	return &Query{results: results, over: ctx.Err, Complain: func(error) {}}, nil
}

// Failed is an error that tells for how many objects the expression failed, if for some.
func (q *Query) Failed() error {
	if q == nil || q.failed == 0 {
		return nil
	}
	return fmt.Errorf("%w: the expression failed for %d of %s", ErrQuery, q.failed, Count(int64(q.asked), "object"))
}

// queried writes what the query makes of each object, or, with JSON, of the array.
func queried[T any](p *Printer, items iter.Seq2[T, error]) (n int, err error) {
	var whole bytes.Buffer
	for item, err := range items {
		if err != nil {
			return n, err
		}
		text, err := p.marshal(item, false)
		if err != nil {
			return n, err
		}
		if p.Format == JSON {
			whole.WriteString(map[bool]string{true: "[", false: ","}[n == 0])
			whole.Write(text)
		} else if err := p.Query.write(p.Out, text); err != nil {
			return n, err
		}
		n++
	}
	if p.Format == JSON {
		if n == 0 {
			whole.WriteByte('[')
		}
		whole.WriteByte(']')
		err = p.Query.write(p.Out, whole.Bytes())
	}
	return n, err
}

// write writes what the expression makes of a JSON text: each result a line, as it comes.
func (q *Query) write(out io.Writer, text []byte) error {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber() // and so with all the digits
	var v any
	if err := in.Decode(&v); err != nil {
		return err
	}
	q.asked++
	for results := q.results(v); ; {
		v, ok := results.Next()
		if !ok {
			return nil
		}
		if err, failed := v.(error); failed {
			if over := q.over(); over != nil {
				return over
			}
			var halted *gojq.HaltError
			if errors.As(err, &halted) && halted.Value() == nil {
				return nil
			}
			q.failed++
			q.Complain(fmt.Errorf("%w: object %d: %s", ErrQuery, q.asked, reason(err)))
			return nil
		}
		line, err := gojq.Marshal(v)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(out, lineEnds().Replace(string(line))+"\n"); err != nil {
			return err
		}
	}
}

// lineEnds escapes what encoding/json escapes and jq does not.
func lineEnds() *strings.Replacer { return strings.NewReplacer("\u2028", `\u2028`, "\u2029", `\u2029`) }

// quotedValue finds where an error of jq begins to quote a value.
var quotedValue = regexp.MustCompile(`(?s)\s*[("\[{].*|(?: to|:) -?[0-9].*`)

// reason is what an error of jq says without the values that it quotes.
func reason(err error) string {
	var valued gojq.ValueError
	if errors.As(err, &valued) {
		return "the expression raised an error"
	}
	return quotedValue.ReplaceAllString(err.Error(), "")
}
