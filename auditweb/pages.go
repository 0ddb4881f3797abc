package auditweb

import (
	"bytes"
	"embed"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/history"
)

//go:embed pages
var pageFiles embed.FS

// pages are the templates, each with the layout around it.
type pages map[string]*template.Template

func parsePages(a assets) (pages, error) {
	functions := template.FuncMap{
		"asset":      func(name string) string { return "static/" + a.named[name] },
		"key":        func(key string) string { return brief(named(key)) },
		"long":       func(text string) value { return folded("text", named(text)) },
		"paragraphs": func(text string) value { return folded("text", lines(text)) },
		"field":      name,
		"span":       func(d time.Duration) string { return d.Round(time.Second).String() },
		"words":      words,
		"at":         at,
		"link":       func(page string, more ...string) string { return link(page, nil, more...) },
		"plural":     func(n any, word string) string { return plural(number(n), word) },
		"number":     func(n any) string { return thousands(number(n)) },
		"dayOpen":    dayOpen,
	}
	common, err := template.New("layout.html").Funcs(functions).ParseFS(pageFiles, "pages/layout.html", "pages/parts/*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		return nil, err
	}
	p := pages{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" {
			continue
		}
		t, err := common.Clone()
		if err != nil {
			return nil, err
		}
		if p[name], err = t.ParseFS(pageFiles, file); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p pages) write(w io.Writer, name string, l layout) error { return p[name].Execute(w, l) }

// dayOpen reports whether item i is the first one of its day.
func dayOpen(items []item, i int) bool { return i == 0 || items[i-1].Day != items[i].Day }

func number(n any) int64 {
	switch x := n.(type) {
	case int:
		return int64(x)
	case int64:
		return x
	}
	return 0
}

// plural is a number with its word: "1 record", "2 records".
func plural[N int | int64](n N, word string) string {
	if n != 1 {
		word += "s"
	}
	return thousands(int64(n)) + " " + word
}

// thousands writes a number with its digits in groups.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// layout is what is around every page.
type layout struct {
	Site, Title, Page string
	Root              string // leads to where the handler is mounted
	Box               string // the query box
	Viewer            Viewer
	Delivery          bool
	Zone              string
	Body              any
}

func (q *request) layout(title, box string, body any) layout {
	zone := q.now.Format("MST")
	l := layout{
		Site: visible(q.h.cfg.title), Title: brief(title), Page: q.page, Box: box, Viewer: q.viewer, Body: body,
		Delivery: q.h.delivers(), Zone: zone,
		Root: strings.Repeat("../", max(0, strings.Count(q.r.URL.EscapedPath(), "/")-1)),
	}
	if l.Root == "" {
		l.Root = "./"
	}
	return l
}

// show answers with a page.
func (q *request) show(page, title, box string, body any) error {
	var b bytes.Buffer
	if err := q.h.pages.write(&b, page, q.layout(title, box, body)); err != nil {
		return err
	}
	q.send(http.StatusOK, "text/html; charset=utf-8", &b)
	return nil
}

// list is a page of items, with the ways on.
type list struct {
	Items        []item
	Older, Newer string // links
	CSV, JSON    string // links, for those who may export
}

// pageSize is how many records a page shows.
const pageSize = 50

// listed asks for a page of records, newest first: those behind the cursor "after", or
// those ahead of the cursor "before".
func (q *request) list(ask history.Query, f filter, page string, more ...string) (list, error) {
	var l list
	after, before := q.r.FormValue("after"), q.r.FormValue("before")
	newest, oldest := ask.Newest(), ask.Oldest()
	var entries []history.Entry
	var rest bool
	var err error
	if before != "" {
		if entries, rest, err = q.timeline(oldest.After(before), pageSize); err != nil {
			return l, err
		}
		for i, j := 0, len(entries)-1; i < j; i, j = i+1, j-1 {
			entries[i], entries[j] = entries[j], entries[i]
		}
	} else if entries, rest, err = q.timeline(newest.After(after), pageSize); err != nil {
		return l, err
	}
	l.Items = q.items(entries, shownFields)
	if n := len(entries); n > 0 {
		if rest && before == "" || before != "" {
			l.Older = f.url(page, append(more, "after", newest.Cursor(recordAt(entries[n-1].Seq)))...)
		}
		if rest && before != "" || after != "" {
			l.Newer = f.url(page, append(more, "before", oldest.Cursor(recordAt(entries[0].Seq)))...)
		}
	} else if after != "" || before != "" {
		l.Newer = f.url(page, more...)
	}
	if q.viewer.CanExport {
		l.CSV, l.JSON = f.url("search.csv"), f.url("search.json")
	}
	return l, nil
}
