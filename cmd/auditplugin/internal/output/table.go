package output

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// gap is what stands between two columns of a table.
const gap = 2

// table writes rows as columns that line up. On a terminal the last column is wrapped
// where its line ends, and so is the widest other one where that is not enough.
func (p *Printer) table(header []string, rows [][]string) error {
	t := table.NewWriter()
	style := table.Style{Name: "plain", Box: table.BoxStyle{PaddingRight: strings.Repeat(" ", gap)}, Format: table.FormatOptions{Header: text.FormatUpper}}
	if p.Color {
		style.Color.Header = text.Colors{text.Bold}
	}
	t.SetStyle(style)
	head := make(table.Row, len(header))
	for i, h := range header {
		head[i] = strings.ReplaceAll(h, "_", " ")
	}
	t.AppendHeader(head)
	for _, r := range rows {
		row := make(table.Row, len(r))
		for i, c := range r {
			row[i] = c
		}
		t.AppendRow(row)
	}
	t.SetColumnConfigs(p.widths(header, rows))
	lines := strings.Split(t.Render(), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	_, err := io.WriteString(p.Out, strings.Join(lines, "\n")+"\n")
	return err
}

// widths share the terminal's width among the columns.
func (p *Printer) widths(header []string, rows [][]string) []table.ColumnConfig {
	if p.Width == 0 {
		return nil
	}
	widths := make([]int, len(header))
	total := 0
	for i := range header {
		widths[i] = text.StringWidth(header[i])
		for _, r := range rows {
			widths[i] = max(widths[i], text.StringWidth(r[i]))
		}
		total += widths[i] + gap
	}
	const least = 16
	configs := make([]table.ColumnConfig, 0, len(header))
	for over := total - p.Width; over > 0; over = total - p.Width {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= least {
			break
		}
		// No narrower than the next one, so that they shrink together.
		next := least
		for i := range widths {
			if i != widest {
				next = max(next, widths[i])
			}
		}
		to := max(widths[widest]-over, min(next, widths[widest]-1), least)
		total -= widths[widest] - to
		widths[widest] = to
	}
	for i := range header {
		configs = append(configs, table.ColumnConfig{Number: i + 1, WidthMax: widths[i], WidthMaxEnforcer: text.WrapSoft})
	}
	return configs
}
