package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/gorm-audit/auditplugin/auditweb"
	"github.com/gorm-audit/auditplugin/history"
)

func newOpen(s *session) *cobra.Command {
	port := 0
	c := &cobra.Command{
		Use:   "open",
		Short: "The trail as web pages, on this machine",
		Long: `Serves the pages of package auditweb on 127.0.0.1, until it is interrupted. Whoever
uses this machine can see them, and so can nobody else.

The session only reads, and what the records hide stays hidden. Names and rows as
they are now need the application's models: mount the package in the application
for those.`,
		Example: `  auditplugin open
  auditplugin open --port 8088`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if port < 0 || port > 65535 {
				return usage("--port %d is none", port)
			}
			db, err := s.reading(c.Context())
			if err != nil {
				return err
			}
			viewer, err := auditweb.New(
				db, auditweb.Public(), auditweb.Zone(s.zone()),
				auditweb.Asking(func(q history.Query) history.Query { return q.AuditTable(s.auditTable()) }),
			)
			if err != nil {
				return err
			}
			return s.serve(c.Context(), viewer, port)
		},
	}
	c.Flags().IntVar(&port, "port", 0, "where to listen; 0 is a free one")
	return c
}

// serve serves pages on this machine until ctx ends.
func (s *session) serve(ctx context.Context, pages http.Handler, port int) error {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: onlyAt(l.Addr().String(), pages), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	if _, err := fmt.Fprintf(s.app.Stdout, "http://%s/\n", l.Addr()); err != nil {
		_ = server.Close() // nobody knows where it is
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

// onlyAt refuses what asks for another host: a page elsewhere could lead its name to this
// machine, and read with the browser of somebody who may.
func onlyAt(host string, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != host {
			http.Error(w, "This is served at "+host+" only.", http.StatusMisdirectedRequest)
			return
		}
		pages.ServeHTTP(w, r)
	})
}
