package leaks

import (
	"os"
	"testing"

	driver "github.com/go-sql-driver/mysql"
)

func TestMain(m *testing.M) {
	// Packets that are too large end their connection, with the plugin and without.
	if err := driver.SetLogger(&driver.NopLogger{}); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
