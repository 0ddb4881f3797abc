// Package auditweb shows the audit trail to people: one [net/http.Handler] with pages to
// search the records, see what became of a row, who set each of its columns, what it was
// at any time, and what somebody did.
//
//	h, err := auditweb.New(db,
//		auditweb.Authorize(func(r *http.Request) (auditweb.Viewer, error) { … }),
//		auditweb.Models(&User{}, &Order{}))
//	mux.Handle("/audit/", http.StripPrefix("/audit", h))
//
// It only reads, and answers GET and HEAD. Who may see it is for [Authorize] to say,
// and which records for [Scope]. Pages are HTML of the server: they need neither
// JavaScript nor a build step, and carry a Content-Security-Policy ([CSP]) under which
// nothing of a record can run. All their state is in the URL, and all links are
// relative, so that the handler works below any prefix that is stripped before it.
//
// Values are shown as the records have them: what is masked or hashed there is so here,
// also in rows that are put together from the table itself. See docs/viewer.md.
package auditweb
