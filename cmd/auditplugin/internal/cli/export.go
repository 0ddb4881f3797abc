package cli

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/history"
)

func newExport(s *session) *cobra.Command {
	var f filter
	var path, after string
	c := &cobra.Command{
		Use:   "export",
		Short: "Records to a file, oldest first, with progress",
		Long: `Records to a file, oldest first: .ndjson or .csv, each with .gz if it is to be
compressed, or - for NDJSON on standard output.

The file has .part at the end of its name until it is whole. An export that was
interrupted says how to go on: its --after appends to what is there.`,
		Example: `  auditplugin export -o records.ndjson.gz --since 2026-01 --until 2026-02
  auditplugin export -o sessions.csv --table sessions`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			db, err := s.reading(ctx)
			if err != nil {
				return err
			}
			q, err := f.narrow(s, s.search(db))
			if err != nil {
				return err
			}
			if path == "-" {
				p := &output.Printer{Out: s.app.Stdout, Format: output.NDJSON, Fields: s.flags.fields, Query: s.query}
				_, err := s.write(p, q.After(after).All(ctx), false)
				return err
			}
			e := export{s: s, q: q, path: path, after: after}
			return e.run(ctx)
		},
	}
	f.add(c, true)
	// Here -o is a file: what is in it, its name says.
	c.Flags().StringVarP(&path, "output", "o", "", "the file: .ndjson, .csv, .ndjson.gz, .csv.gz, or -")
	c.Flags().StringVar(&after, "after", "", "go on behind the cursor that an interrupted export told")
	_ = c.MarkFlagRequired("output") // the flag is there
	return c
}

// export writes one file.
type export struct {
	s           *session
	q           history.Query
	path, after string
	last        *audit.Record
	done, total int64
}

const part = ".part"

func (e *export) run(ctx context.Context) error {
	name, zipped := strings.CutSuffix(e.path, ".gz")
	format := output.NDJSON
	switch {
	case strings.HasSuffix(name, ".csv"):
		format = output.CSV
	case !strings.HasSuffix(name, ".ndjson"):
		return usage("-o %s: its name says neither .ndjson nor .csv", e.path)
	}
	if e.s.query != nil && format != output.NDJSON {
		return usage("--jq goes with .ndjson, not with %s", format)
	}
	mode := os.O_CREATE | os.O_WRONLY | os.O_EXCL
	if e.after != "" {
		mode = os.O_WRONLY | os.O_APPEND
	}
	f, err := os.OpenFile(e.path+part, mode, 0o600)
	switch {
	case errors.Is(err, os.ErrExist):
		return usage("%s is there from an earlier export: go on with its --after, or remove it", e.path+part)
	case errors.Is(err, os.ErrNotExist) && e.after != "":
		return usage("%s is not there to go on with", e.path+part)
	case err != nil:
		return err
	}
	err = e.fill(ctx, f, format, zipped)
	err = errors.Join(err, f.Close())
	e.progress(true)
	if err != nil {
		return e.interrupted(err)
	}
	if err := os.Rename(e.path+part, e.path); err != nil {
		return err
	}
	fmt.Fprintf(e.s.app.Stderr, "%s in %s\n", output.Count(e.done, "record"), e.path)
	return nil
}

// interrupted says how to go on.
func (e *export) interrupted(err error) error {
	cursor := e.after
	if e.last != nil {
		cursor = e.q.Cursor(*e.last)
	}
	if cursor == "" { // nothing was written
		return errors.Join(err, os.Remove(e.path+part))
	}
	fmt.Fprintf(e.s.app.Stderr, "%s in %s; go on with the same command and --after %s\n", output.Count(e.done, "record"), e.path+part, cursor)
	return err
}

// fill writes the records. What it has counted is in the file, also when it fails.
func (e *export) fill(ctx context.Context, f io.Writer, format output.Format, zipped bool) (err error) {
	buffered := bufio.NewWriterSize(f, 1<<16)
	p := &output.Printer{Out: buffered, Format: format, Fields: e.s.flags.fields, Query: e.s.query, NoHeader: e.after != ""}
	if zipped {
		z := gzip.NewWriter(buffered) // members one behind the other are one file
		p.Out = z
		defer func() { err = errors.Join(err, z.Close(), buffered.Flush()) }()
	} else {
		defer func() { err = errors.Join(err, buffered.Flush()) }()
	}
	if e.s.app.Interactive {
		if e.total, err = e.q.Count(ctx); err != nil {
			return err
		}
	}
	_, err = output.List(p, e.s.recordColumns(p, false), e.records(ctx))
	return err
}

// records are counted once the next one is asked for: they have been written then.
func (e *export) records(ctx context.Context) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for r, err := range e.q.After(e.after).All(ctx) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(audit.Record{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
			e.last = &r
			if e.done++; e.done%1000 == 0 {
				e.progress(false)
			}
		}
	}
}

// progress tells a person how far it has come.
func (e *export) progress(end bool) {
	if !e.s.app.Interactive {
		return
	}
	if end {
		fmt.Fprint(e.s.app.Stderr, "\r\x1b[K")
		return
	}
	fmt.Fprintf(e.s.app.Stderr, "\r\x1b[K%d of %d records (%d %%)", e.done, e.total, min(100, 100*e.done/max(1, e.total)))
}
