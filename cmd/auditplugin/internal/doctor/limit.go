package doctor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// ErrSize is a text that is no size.
var ErrSize = errors.New("not a size, such as 50GB or 800MiB")

// units are those of sizes; like the systems that they are limits of, people rarely mean
// the difference between GB and GiB, and the smaller one warns earlier.
var units = [...]struct {
	name  string
	bytes float64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"tib", 1 << 40},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"tb", 1e12},
	{"k", 1e3},
	{"m", 1e6},
	{"g", 1e9},
	{"t", 1e12},
	{"b", 1},
	{"", 1},
}

// ParseSize reads a size: a number and its unit, bytes where there is none. It fails with
// [ErrSize].
func ParseSize(text string) (int64, error) {
	lower := strings.ToLower(strings.TrimSpace(text))
	for _, u := range units {
		number, ok := strings.CutSuffix(lower, u.name)
		if !ok {
			continue
		}
		number = strings.TrimSpace(number)
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || strings.Trim(number, "0123456789.") != "" || n*u.bytes < 1 || n*u.bytes > math.MaxInt64/2 {
			return 0, ErrSize
		}
		return int64(n * u.bytes), nil
	}
	return 0, ErrSize
}

// sizeText shows a size for people.
func sizeText(bytes int64) string {
	if bytes > 0 && bytes < 1<<20 {
		return fmt.Sprintf("%d KiB", (bytes+1<<10-1)>>10)
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

// bytes is how large the audit table is, with its indexes. Of SQLite it is the whole file,
// which has no smaller parts to be told apart.
func (e *Exam) bytes(ctx context.Context) (n int64, err error) {
	_, name := e.parts()
	switch e.DB.Name() {
	case "postgres":
		err = e.ask(ctx, &n, "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0)::bigint FROM pg_catalog.pg_class WHERE oid IN ("+relations+")", e.quoted(), e.quoted())
	case "mysql":
		err = e.ask(ctx, &n, "SELECT COALESCE(data_length + index_length, 0) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?", name)
	case "sqlite":
		err = e.ask(ctx, &n, "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
	}
	return n, err
}

// early is how many days before the limit is reached it is told.
const early = 30

// limit tells when so many bytes become the limit, as the records of the last week let
// them grow.
func (e *Exam) limit(ctx context.Context, text string, bytes, week int64, report func(Level, string, string)) error {
	const do = "let go of old records (auditplugin prune, docs/retention.md), or make room and raise --limit"
	of := text + "; the limit of " + sizeText(e.Limit)
	if bytes >= e.Limit {
		report(Warn, of+" is reached", do)
		return nil
	}
	perDay, err := e.growth(ctx, bytes, week)
	if err != nil {
		return err
	}
	days := float64(e.Limit-bytes) / perDay
	switch {
	case days >= 36500:
		report(OK, of+" is not reached in a hundred years", "")
	case days >= early:
		report(OK, fmt.Sprintf("%s is reached in %d days", of, int64(days)), "")
	default:
		report(Warn, fmt.Sprintf("%s is reached in %s", of, output.Count(int64(days), "day")), do)
	}
	return nil
}

// growth is by how many bytes a day the records of the last week let the table grow. A
// trail that is younger has grown in fewer days.
func (e *Exam) growth(ctx context.Context, bytes, week int64) (float64, error) {
	first, err := e.search().First(ctx)
	if errors.Is(err, history.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	one, err := e.oneRecord(ctx, bytes)
	days := min(7, max(1, e.Now().Sub(first.Time).Hours()/24))
	return one * float64(week) / days, err
}

// oneRecord is how many bytes a record takes.
func (e *Exam) oneRecord(ctx context.Context, bytes int64) (one float64, err error) {
	if e.DB.Name() != "sqlite" {
		all, err := e.search().Count(ctx)
		return float64(bytes) / float64(max(1, all)), err
	}
	// The file has other tables, too: what the newest records hold, twice for the indexes.
	lengths := make([]string, 0, len(emitter.Columns()))
	for _, name := range emitter.Columns() {
		lengths = append(lengths, "COALESCE(LENGTH(CAST("+e.DB.Statement.Quote(name)+" AS BLOB)), 0)")
	}
	err = e.ask(ctx, &one, "SELECT COALESCE(2.0 * AVG(n), 0) FROM (SELECT "+strings.Join(lengths, " + ")+" AS n FROM "+e.quoted()+" ORDER BY seq DESC LIMIT 1000)")
	return one, err
}
