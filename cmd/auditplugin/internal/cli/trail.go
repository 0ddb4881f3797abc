package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/history"
)

// rowArgs are TABLE KEY…: a key of several columns is given value by value, or as
// records write it.
func rowArgs(args []string) history.TableRow {
	row := history.TableRow{Table: args[0]}
	texts := args[1:]
	if len(texts) == 1 && strings.HasPrefix(texts[0], "[") {
		var several []string
		if json.Unmarshal([]byte(texts[0]), &several) == nil && len(several) > 1 {
			texts = several
		}
	}
	for _, text := range texts {
		row.Key = append(row.Key, text)
	}
	return row
}

func newTrail(s *session) *cobra.Command {
	var f filter
	var g page
	var details bool
	c := &cobra.Command{
		Use:   "trail TABLE KEY…",
		Short: "What happened to a row, newest first",
		Example: `  auditplugin trail users 42
  auditplugin trail users 42 --column phone --limit 1
  auditplugin trail user_languages 42 7`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if details {
				s.flags.format = "text"
			}
			db, err := s.reading(c.Context())
			if err != nil {
				return err
			}
			row := rowArgs(args)
			q, err := f.narrow(s, history.Of(db, &row).AuditTable(s.auditTable()))
			if err != nil {
				return err
			}
			return g.show(s, c, q, fmt.Sprintf("Nothing is recorded of %s %s.", args[0], strings.Join(args[1:], " ")), true)
		},
	}
	f.add(c, false)
	g.add(c)
	c.Flags().BoolVar(&details, "details", false, "each change on lines of its own (-o text)")
	return c
}
