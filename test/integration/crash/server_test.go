package crash

import (
	"bytes"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// server is a private database server that a test may kill. It keeps its data in a
// temporary folder and listens on a free port.
type server struct {
	t       *testing.T
	dialect string
	driver  string
	dsn     string
	// command makes the process that serves.
	command func() *exec.Cmd
	// stop is the signal that ends it without any of the work of a clean shutdown.
	stop    syscall.Signal
	process *exec.Cmd
	output  *bytes.Buffer
}

// startServer starts a private server, or skips the test where there is none.
func startServer(t *testing.T, dialect string) *server {
	t.Helper()
	var s *server
	if dialect == testdb.Postgres {
		s = newPostgres(t)
	} else {
		s = newMariaDB(t)
	}
	s.t, s.dialect = t, dialect
	t.Cleanup(func() {
		if s.process != nil {
			s.kill()
		}
	})
	s.start()
	return s
}

// newPostgres makes a cluster. PostgreSQL refuses to run as root, so there it runs
// as postgres.
func newPostgres(t *testing.T) *server {
	t.Helper()
	binaries, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	initdb, postgres := find(t, "initdb", binaries...), find(t, "postgres", binaries...)
	folder := privateFolder(t)
	var credential *syscall.Credential
	if os.Geteuid() == 0 {
		owner, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("PostgreSQL does not run as root, and there is no user postgres")
		}
		uid, _ := strconv.Atoi(owner.Uid) // numbers on every system with a PostgreSQL package
		gid, _ := strconv.Atoi(owner.Gid)
		if err := os.Chown(folder, uid, gid); err != nil {
			t.Fatal(err)
		}
		credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(folder, "data")
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(name, args...)
		c.Dir = folder
		c.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		return c
	}
	if out, err := command(initdb, "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t)
	return &server{
		driver: "pgx", stop: syscall.SIGQUIT, // what pg_ctl stop -m immediate sends
		dsn: "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable",
		command: func() *exec.Cmd {
			return command(postgres, "-D", data, "-p", port, "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB")
		},
	}
}

func newMariaDB(t *testing.T) *server {
	t.Helper()
	places := []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec"}
	install, daemon := find(t, "mariadb-install-db", places...), find(t, "mariadbd", places...)
	folder := privateFolder(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(folder, "data")
	// A server that starts deletes the temporary tables it finds: in a shared folder,
	// those of every other server.
	prepare := exec.Command(install, "--no-defaults", "--datadir="+data, "--user="+me.Username,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	prepare.Env = append(os.Environ(), "TMPDIR="+folder)
	out, err := prepare.CombinedOutput()
	if err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	port := freePort(t)
	return &server{
		driver: "mysql", stop: syscall.SIGKILL,
		dsn: "root:@tcp(127.0.0.1:" + port + ")/test?parseTime=true&loc=UTC",
		command: func() *exec.Cmd {
			// What a killed process has left with the kernel to write asynchronously can
			// arrive when the next server is at work on the same files.
			return exec.Command(daemon, "--no-defaults", "--innodb-use-native-aio=0", "--datadir="+data, "--tmpdir="+folder, "--user="+me.Username, "--port="+port, "--bind-address=127.0.0.1",
				"--socket="+filepath.Join(folder, "socket"), "--pid-file="+filepath.Join(folder, "pid"), "--innodb-buffer-pool-size=32M",
				"--character-set-server=utf8mb4", "--skip-name-resolve", "--innodb-fast-shutdown=1")
		},
	}
}

// find returns the path of a program, or skips the test.
func find(t *testing.T, name string, places ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	slices.Sort(places)
	for _, place := range slices.Backward(places) {
		if path, err := exec.LookPath(filepath.Join(place, name)); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// privateFolder is a temporary folder that other users may pass through.
func privateFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "audit-server")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// start starts the server and waits until it has recovered.
func (s *server) start() {
	s.t.Helper()
	s.process, s.output = s.command(), &bytes.Buffer{}
	s.process.Stdout, s.process.Stderr = s.output, s.output
	if err := s.process.Start(); err != nil {
		s.t.Fatalf("start %s: %v", s.process.Path, err)
	}
	dsn := s.dsn
	if s.dialect == testdb.MySQL {
		dsn = "root:@tcp(" + dsn[len("root:@tcp("):len(dsn)-len("/test?parseTime=true&loc=UTC")] + "/mysql"
	}
	db, err := sql.Open(s.driver, dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if err = db.Ping(); err == nil {
			break
		}
		if time.Now().After(deadline) {
			s.kill()
			s.t.Fatalf("%s is not up: %v\n%s", s.dialect, err, s.output.String())
		}
	}
	if s.dialect == testdb.MySQL {
		if _, err := db.Exec("CREATE DATABASE IF NOT EXISTS test CHARACTER SET utf8mb4"); err != nil {
			s.t.Fatal(err)
		}
	}
}

// kill ends the server at once and waits for its processes to be gone.
func (s *server) kill() {
	s.t.Helper()
	if err := s.process.Process.Signal(s.stop); err != nil {
		s.t.Errorf("%s had ended by itself: %v\n%s", s.dialect, err, s.output.String())
	}
	_ = s.process.Wait() // its status is what the signal makes of it
	s.process = nil
}
