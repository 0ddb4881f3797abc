package auditweb

const (
	// pageRoom is how many bytes of long values a page carries whole, so that a row of
	// many long columns is no page of megabytes. Others have a link.
	pageRoom = 192 << 10
	// diffWork is how many pairs of words a page compares.
	diffWork = 4_000_000
)

// whole is a value that is on the page with all of it, or else has a link to that.
func (q *request) whole(v value, to string) value {
	if v.Short == "" || to == "" {
		return v
	}
	if len(v.Text) > q.room {
		v.Whole, v.Text = to, ""
		return v
	}
	q.room -= len(v.Text)
	return v
}
