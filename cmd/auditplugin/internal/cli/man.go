package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "man FOLDER",
		Short:   "Write manual pages into a folder, one a command",
		Example: "  auditplugin man /usr/local/share/man/man1",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			now := s.app.Now()
			root := c.Root()
			root.DisableAutoGenTag = true
			header := &doc.GenManHeader{Section: "1", Source: "auditplugin " + version(), Manual: "auditplugin", Date: &now}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return usage("man: %v", err)
			}
			_, err := fmt.Fprintln(s.app.Stdout, "Written to "+args[0]+".")
			return err
		},
	}
}
