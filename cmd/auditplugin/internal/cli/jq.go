package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
)

// noObjects marks commands that write no objects, to which --jq means nothing.
const noObjects = "no objects"

// plain marks a command as one that writes no objects.
func plain(c *cobra.Command) *cobra.Command {
	c.Annotations = map[string]string{noObjects: ""}
	return c
}

// startQuery reads the expression of --jq, before anything is asked.
func (s *session) startQuery(ctx context.Context, c *cobra.Command) error {
	if s.flags.jq == "" {
		if c.Flags().Changed("jq") {
			return usage("--jq is empty; the whole object is --jq .")
		}
		return nil
	}
	if _, is := c.Annotations[noObjects]; is {
		return usage("--jq: %s writes no JSON", c.CommandPath())
	}
	q, err := output.ParseQuery(ctx, s.flags.jq)
	if err != nil {
		return err
	}
	q.Complain = func(err error) { fmt.Fprintln(s.app.Stderr, "auditplugin: "+s.message(err)) }
	s.query = q
	_, err = s.printer() // a format that has no objects
	return err
}
