package cli

import (
	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/doctor"
	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
)

func newDoctor(s *session) *cobra.Command {
	var role, relayRole, limit string
	var ignore []string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "What is wrong with the audit table and what stands around it, and what to do",
		Long: `What is wrong with the audit table and what stands around it, one line a check,
and what to do about it. It reads, and changes nothing. The exit code is 1 when
there is anything but ok.`,
		Example: "  auditplugin doctor --role app\n  auditplugin doctor -o json\n  auditplugin doctor --limit 50GB",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			exam := doctor.Exam{Table: s.auditTable(), Role: role, RelayRole: relayRole, Ignore: ignore, Now: s.app.Now}
			if limit != "" {
				var err error
				if exam.Limit, err = doctor.ParseSize(limit); err != nil {
					return usage("--limit: %v", err)
				}
			}
			db, err := s.reading(c.Context())
			if err != nil {
				return err
			}
			exam.DB = db
			found, err := doctor.Examine(c.Context(), exam)
			if err != nil {
				return err
			}
			p, err := s.printer()
			if err != nil {
				return err
			}
			if _, err := output.List(p, []output.Column[doctor.Finding]{
				{Name: "level", Text: func(f doctor.Finding) string { return string(f.Level) }},
				{Name: "check", Text: func(f doctor.Finding) string { return f.Check }},
				{Name: "finding", Text: func(f doctor.Finding) string { return s.target.Scrub(f.Text) }},
				{Name: "what_to_do", Text: func(f doctor.Finding) string { return f.Do }},
			}, output.Items(found)); err != nil {
				return err
			}
			if doctor.Worst(found) != doctor.OK {
				return errFindings
			}
			return nil
		},
	}
	c.Flags().StringVar(&role, "role", "", "the application's role, whose rights are looked at; on MySQL user@host")
	c.Flags().StringVar(&relayRole, "relay-role", "", "the relay's role, likewise")
	c.Flags().StringSliceVar(&ignore, "ignore", nil, "tables that need not be audited")
	c.Flags().StringVar(&limit, "limit", "", "how large the audit table may become: 50GB; on SQLite the file")
	return c
}
