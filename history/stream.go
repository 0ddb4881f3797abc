package history

import (
	"context"
	"iter"

	"github.com/gorm-audit/auditplugin/audit"
)

const (
	// streamPage is how many records All asks for at once.
	streamPage = 500
	// streamBytes is how many bytes of images All holds at once, beyond one record.
	streamBytes = 4 << 20
)

// All returns an iterator over the records that match, for trails of any length.
// It reads them in pages, each behind the last one's seq, and holds one page: 500
// records, or fewer if their images are large. No result set stays open while the
// loop's body runs, so that the body may use the same connection.
//
// An error ends the iteration; it comes with a zero record. Breaking out of the
// loop is fine. Records that are written meanwhile may appear at the end.
func (q Query) All(ctx context.Context) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		q, err := q.gathered(ctx)
		if err != nil {
			yield(audit.Record{}, err)
			return
		}
		left := q.limit
		for {
			page := streamPage
			if q.limit > 0 {
				page = min(page, left)
			}
			records, full, err := q.page(ctx, page)
			if err != nil {
				yield(audit.Record{}, err)
				return
			}
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
			left -= len(records)
			if !full || q.limit > 0 && left <= 0 {
				return
			}
			q = q.After(q.Cursor(records[len(records)-1]))
		}
	}
}

// page reads up to n records and reports whether there may be more.
func (q Query) page(ctx context.Context, n int) (records []audit.Record, more bool, err error) {
	err = q.each(ctx, n, func(r audit.Record, size int) bool {
		records = append(records, r)
		more = len(records) == n || size > streamBytes
		return !more
	})
	return records, more, err
}

// defaultPage is how many records Page returns without a Limit.
const defaultPage = 50

// Page returns the next records, [Query.Limit] of them or else 50, and the cursor
// for the page behind it, which is empty when there is none. Cursors are safe in
// URLs, stay valid for as long as the table exists, and cost the same on every
// page:
//
//	records, next, err := history.Search(db).Newest().Limit(20).After(r.FormValue("after")).Page(ctx)
//
// Newest first, records written meanwhile move no page. Oldest first, a page at
// the very end of the table may miss a record whose transaction took its seq
// earlier and commits later.
func (q Query) Page(ctx context.Context) (records []audit.Record, next string, err error) {
	n := q.limit
	if n == 0 {
		n = defaultPage
	}
	// One more tells whether there is a next page.
	records, err = q.Limit(n + 1).Find(ctx)
	if err != nil {
		return nil, "", err
	}
	if len(records) > n {
		records = records[:n:n]
		next = q.Cursor(records[n-1])
	}
	return records, next, nil
}
