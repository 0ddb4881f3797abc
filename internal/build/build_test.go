package build

import "testing"

func TestRelative(t *testing.T) {
	p := Program{module: "example.com/shop", main: "example.com/shop/cmd/server"}
	for _, c := range []struct{ function, file, want string }{
		{"example.com/shop/store.(*Repo).Save", "/home/ci/shop/store/repo.go", "store/repo.go"},
		{"example.com/shop/store.Save[...]", "/home/ci/shop/store/repo.go", "store/repo.go"},
		{"example.com/shop.Start.func1", "/home/ci/shop/start.go", "start.go"},
		{"main.main", "/home/ci/shop/cmd/server/main.go", "cmd/server/main.go"},
		{"example.com/shop/store_test.TestSave", "/home/ci/shop/store/repo_test.go", "store/repo_test.go"},
		{"example.com/shop/load_test.Run", "/home/ci/shop/load_test/run.go", "load_test/run.go"},
		{"example.com/shop/api%2ev2.Call", "/home/ci/shop/api.v2/call.go", "api.v2/call.go"},
		{"example.com/shopping/cart.Add", "/go/pkg/mod/example.com/shopping@v1.2.3/cart/add.go", "example.com/shopping/cart/add.go"},
	} {
		if got := p.Relative(c.function, c.file); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.function, c.file, got, c.want)
		}
	}
	if got := (Program{}).Relative("main.main", "/tmp/x/main.go"); got != "main.go" {
		t.Errorf("a program that does not tell its module: %q", got)
	}
	if got := (Program{main: "command-line-arguments"}).Relative("main.main", "/tmp/x/main.go"); got != "main.go" {
		t.Errorf("go run main.go: %q", got)
	}
}
