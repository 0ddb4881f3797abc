package alert

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"text/template"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/fault"
)

// rendered are the texts of one message about one record.
type rendered struct {
	title, subject, text, link string
}

// render puts a record into words. A template that fails gives way to the default,
// since a message must not be lost over it; the error says so.
func (c *compiled) render(w wording, r *audit.Record, count int) (rendered, error) {
	v := w.view(c, r, count)
	out := rendered{title: clip(v.Title, subjectLimit)}
	var errs []error
	text, err := execute(c.text, v)
	if err != nil || strings.TrimSpace(text) == "" {
		errs = append(errs, err)
		text = v.Sentence
	}
	subject, err := execute(c.subject, v)
	if err != nil || strings.TrimSpace(subject) == "" {
		errs = append(errs, err)
		subject = v.Title + ": " + v.Row
	}
	if c.rule.link != "" {
		if out.link, err = c.address(v); err != nil {
			errs = append(errs, err)
		}
	}
	out.text = clip(lines(text), textLimit)
	out.subject = clip(strings.TrimSpace(oneLine(subject)), subjectLimit)
	return out, errors.Join(errs...)
}

// execute runs a template, up to a size that no message has.
func execute(t *template.Template, v View) (string, error) {
	var out limited
	panicked := fmt.Errorf("template %s panicked", t.Name())
	if err := fault.GuardAs(panicked, func() error { return t.Execute(&out, v) }); err != nil && !errors.Is(err, errFull) {
		// The template package quotes no values but what methods return, and a
		// view has none.
		return "", err
	}
	return out.String(), nil
}

var errFull = errors.New("the text is long enough")

// limited is a buffer that takes no more than a message may have.
type limited struct{ strings.Builder }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len() > 8*textLimit {
		return 0, errFull
	}
	return l.Builder.Write(p)
}

// address makes the link. It is empty if what comes out is no absolute http(s) URL.
func (c *compiled) address(v View) (string, error) {
	text, err := execute(c.link, encoded(v))
	if err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(text) > 2000 || text != oneLine(text) {
		return "", nil
	}
	return text, nil
}

// encoded returns v with its texts percent-encoded, so that no value ends the
// path segment or parameter it stands in.
func encoded(v View) View {
	value := reflect.ValueOf(&v).Elem()
	for i := range value.NumField() {
		switch field := value.Field(i); field.Interface().(type) {
		case string:
			field.SetString(percent(field.String()))
		case map[string]string:
			out := make(map[string]string, field.Len())
			for _, key := range field.MapKeys() {
				out[key.String()] = percent(field.MapIndex(key).String())
			}
			field.Set(reflect.ValueOf(out))
		case []string:
			out := make([]string, field.Len())
			for j := range out {
				out[j] = percent(field.Index(j).String())
			}
			field.Set(reflect.ValueOf(out))
		case []Field:
			out := make([]Field, field.Len())
			for j, f := range field.Interface().([]Field) {
				out[j] = Field{percent(f.Path), percent(f.Label), percent(f.From), percent(f.To)}
			}
			field.Set(reflect.ValueOf(out))
		}
	}
	return v
}

// percent encodes all but the characters that mean nothing anywhere in a URL.
func percent(s string) string {
	if s == "." || s == ".." {
		return "-" // a path would go up
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}
