package cli

import (
	"io"
	"os"
	"os/exec"
	"strings"
)

// pager is a program through which people turn the pages of the output.
type pager struct {
	in  io.WriteCloser
	cmd *exec.Cmd
}

// startPager puts $PAGER, or less, between the output and the terminal, if --pager asks
// for it and there is one.
func (s *session) startPager() error {
	if !s.flags.pager || s.app.Width == 0 {
		return nil
	}
	words := strings.Fields(s.app.Getenv("PAGER"))
	if len(words) == 0 {
		words = []string{"less"}
	}
	p := &pager{cmd: exec.Command(words[0], words[1:]...)} //nolint:gosec,noctx // the user's own program; it ends when they leave it
	p.cmd.Stdout, p.cmd.Stderr = s.app.Stdout, s.app.Stderr
	if s.app.Getenv("LESS") == "" {
		// Colours as they are, and no pages where one is enough.
		p.cmd.Env = append(os.Environ(), "LESS=FRX")
	}
	in, err := p.cmd.StdinPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return usage("--pager: %s: %v; $PAGER names another one", words[0], err)
	}
	p.in, s.pager, s.app.Stdout = in, p, in
	return nil
}

// endPager waits until the reader has left.
func (s *session) endPager() {
	if s.pager == nil {
		return
	}
	_ = s.pager.in.Close()
	_ = s.pager.cmd.Wait() // how it ended is its own affair
}
