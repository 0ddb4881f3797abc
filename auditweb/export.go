package auditweb

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

// mostExported is how many records one export may have.
const mostExported = 1_000_000

// exportBatch is how many records are turned into entries, named and sent at once.
const exportBatch = 500

// exporter writes entries in a format.
type exporter interface {
	begin() error
	add(e history.Entry) error
	flush() error
	end() error
}

// export streams all records that a filter finds, newest first.
func (q *request) export() error {
	if !q.viewer.CanExport {
		return &problem{http.StatusForbidden, "You may not export", "Ask whoever runs this service."}
	}
	f, err := q.h.filterOf(q.r.Form, q.now)
	if err != nil {
		return err
	}
	ask, err := q.asking(f)
	if err != nil {
		return err
	}
	ask = ask.Newest().Limit(mostExported)
	first, err := ask.Limit(1).Find(q.ctx) // what cannot be asked is said before anything is sent
	if err != nil {
		return err
	}
	var seq int64
	if len(first) > 0 {
		seq = first[0].Seq
	}
	kind := strings.TrimPrefix(q.page, "search.")
	name := fmt.Sprintf("audit-%s.%s", q.now.UTC().Format("20060102-150405"), kind)
	header := q.w.Header()
	header.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	var out exporter
	if kind == "csv" {
		header.Set("Content-Type", "text/csv; charset=utf-8; header=present")
		out = &csvExport{w: csv.NewWriter(q.w)}
	} else {
		header.Set("Content-Type", "application/json")
		out = &jsonExport{w: q.w, query: f.values, until: seq, at: q.now}
	}
	if q.r.Method == http.MethodHead {
		return nil
	}
	if err := q.stream(ask, out); err != nil {
		if q.r.Context().Err() == nil {
			q.h.cfg.log.ErrorContext(q.ctx, "auditweb: export failed", "error", err)
		}
		panic(http.ErrAbortHandler) // a file that only looks whole would be worse
	}
	return nil
}

func (q *request) stream(ask history.Query, out exporter) error {
	if err := out.begin(); err != nil {
		return err
	}
	opts := []history.FormatOption{history.Zone(q.h.cfg.zone), history.Nulls(), q.h.joins}
	if q.viewer.CanSeeValues && len(q.h.cfg.names) > 0 {
		opts = append(opts, history.Names(q.h.cfg.names...))
	}
	flusher := http.NewResponseController(q.w)
	batch := make([]audit.Record, 0, exportBatch)
	send := func() error {
		entries := history.Timeline(batch, opts...)
		q.conceal(entries)
		for _, e := range entries {
			if err := out.add(e); err != nil {
				return err
			}
		}
		batch = batch[:0]
		if err := out.flush(); err != nil {
			return err
		}
		_ = flusher.Flush() // some writers cannot
		return nil
	}
	for r, err := range ask.All(q.ctx) {
		if err != nil {
			return err
		}
		if batch = append(batch, r); len(batch) == exportBatch {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := send(); err != nil {
		return err
	}
	return out.end()
}

// csvExport writes a line for each changed field, and one for a record without any.
type csvExport struct{ w *csv.Writer }

func (c *csvExport) begin() error {
	return c.w.Write([]string{
		"seq", "time", "action", "table", "record_id", "name", "actor_type", "actor_id", "actor_name", "reason", "message",
		"field", "from", "to", "hidden", "transaction_id", "request_id", "ip", "application", "id",
	})
}

func (c *csvExport) add(e history.Entry) error {
	fields := e.Fields
	if len(fields) == 0 {
		fields = []history.Field{{}}
	}
	for _, f := range fields {
		from, to := csvValue(f.From), csvValue(f.To)
		if f.Path == "" {
			from, to = "", ""
		}
		line := []string{
			strconv.FormatInt(e.Seq, 10), e.Time.Format(time.RFC3339Nano), string(e.Action), e.Table, harmless(e.RecordID), harmless(e.Name),
			harmless(e.Actor.Type), harmless(e.Actor.ID), harmless(e.Actor.Name), harmless(e.Reason), harmless(e.Message),
			harmless(f.Path), from, to, f.Hidden, e.TransactionID, harmless(e.RequestID), e.IP, harmless(e.Application), e.ID,
		}
		if err := c.w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

func (c *csvExport) flush() error { c.w.Flush(); return c.w.Error() }
func (c *csvExport) end() error   { return c.flush() }

// csvValue is a value in a cell: nothing for NULL, two quotes for an empty text, numbers
// as they are, documents as JSON.
func csvValue(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case json.Number:
		return string(x)
	case bool:
		return strconv.FormatBool(x)
	case string:
		if x == "" {
			return `""`
		}
		return harmless(x)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return harmless(fmt.Sprint(v))
	}
	return harmless(strings.TrimSpace(b.String()))
}

// harmless keeps spreadsheets from taking a text for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// jsonExport writes one document: what was asked, and the entries.
type jsonExport struct {
	w     io.Writer
	query map[string]string
	until int64
	at    time.Time
	any   bool
}

func (j *jsonExport) begin() error {
	head, err := json.Marshal(map[string]any{"query": j.query, "newest_seq": j.until, "exported_at": j.at.UTC()})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(j.w, `{"export":%s,"entries":[`, head)
	return err
}

func (j *jsonExport) add(e history.Entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if j.any {
		text = append([]byte(",\n"), text...)
	}
	j.any = true
	_, err = j.w.Write(text)
	return err
}

func (j *jsonExport) flush() error { return nil }

func (j *jsonExport) end() error {
	_, err := io.WriteString(j.w, "]}\n")
	return err
}
