package routing_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func tool(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skipf("no %s here (Debian package %s)", name, strings.TrimSuffix(name, "d"))
	return ""
}

// local returns a copy of a configuration whose paths lie in dir.
func local(t *testing.T, name, dir string) string {
	t.Helper()
	conf := strings.NewReplacer("/var/log/accounts", dir, "/var/spool/rsyslog", dir).Replace(read(t, name))
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRsyslog runs the daemon with the configuration as it is published, paths
// apart, and compares its two files with what was written.
func TestRsyslog(t *testing.T) {
	daemon := tool(t, "rsyslogd")
	dir := t.TempDir()
	conf := local(t, "rsyslog.conf", dir)
	var ordinary, trail, mixed bytes.Buffer
	write(t, &ordinary, &trail)
	o, a := strings.SplitAfter(ordinary.String(), "\n"), strings.SplitAfter(trail.String(), "\n")
	for i := range max(len(o), len(a)) {
		if i < len(o) {
			mixed.WriteString(o[i])
		}
		if i < len(a) {
			mixed.WriteString(a[i])
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "app.log"), mixed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	var output bytes.Buffer
	cmd := exec.Command(daemon, "-n", "-f", conf, "-i", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- cmd.Wait() }()
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if size("audit.log")+size("ordinary.log") >= int64(mixed.Len()) {
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("rsyslogd ended by itself: %v", err)
	}
	select {
	case <-stopped:
	case <-time.After(30 * time.Second):
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-stopped
		t.Error("rsyslogd did not end when asked to")
	}
	for name, want := range map[string]string{"audit.log": trail.String(), "ordinary.log": ordinary.String()} {
		if got := read(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s holds %d bytes, want %d:\n%.2000s\n%s", name, len(got), len(want), got, &output)
		}
	}
}

func TestRsyslogReadsEveryConfiguration(t *testing.T) {
	daemon := tool(t, "rsyslogd")
	for _, name := range []string{"rsyslog.conf", "rsyslog-journald.conf"} {
		out, err := exec.Command(daemon, "-N1", "-f", local(t, name, t.TempDir())).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestLogrotate(t *testing.T) {
	program := tool(t, "logrotate")
	dir := t.TempDir()
	for _, name := range []string{"audit.log", "ordinary.log"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "--debug", "--state", filepath.Join(dir, "state"), local(t, "logrotate.conf", dir)).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("error:")) {
		t.Errorf("%v\n%s", err, out)
	}
	for _, want := range []string{"(14 rotations)", "(2557 rotations)"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}
