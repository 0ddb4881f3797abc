package cli

import (
	"maps"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/settings"
)

// noSettings marks commands that ask nothing, and so need no settings.
const noSettings = "no settings"

// alone marks a command as one that works wherever it is run.
func alone(c *cobra.Command) *cobra.Command {
	plain(c).Annotations[noSettings] = ""
	return c
}

// readSettings has the file of settings say what no flag says. What the environment may
// say as well is asked for where it is needed.
func (s *session) readSettings(c *cobra.Command) error {
	if _, is := c.Annotations[noSettings]; is || s.flags.config == "none" {
		return nil
	}
	var err error
	if s.settings, err = settings.Load(s.flags.config, c.Flags().Changed("config")); err != nil {
		return err
	}
	if s.flags.format == "" && s.flags.jq == "" {
		s.flags.format = s.settings.Output
	}
	said := map[string]string{"utc": s.settings.UTC}
	if c.Name() == "doctor" { // whose --limit is another one
		maps.Copy(said, s.settings.Doctor)
	} else {
		said["limit"] = s.settings.Limit
	}
	for name, value := range said {
		if f := c.Flags().Lookup(name); f != nil && !f.Changed && value != "" {
			if err := f.Value.Set(value); err != nil {
				return usage("%s in %s: %v", name, s.settings.Path, err)
			}
		}
	}
	return nil
}
