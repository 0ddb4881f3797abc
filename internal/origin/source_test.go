package origin

import "testing"

// The functions of this package are passed over, so that the first of the application
// here is the one that runs tests.
func TestCallerAtAnyDepth(t *testing.T) {
	c := &sources{}
	for depth := range maxFrames - 4 {
		if got := callerBelow(c, depth).Function; got != "testing.tRunner" {
			t.Fatalf("below %d frames the caller is %q", depth, got)
		}
	}
	if got := callerBelow(c, 2*maxFrames); got.Function != "" {
		t.Errorf("beyond %d frames the caller is %q", maxFrames, got.Function)
	}
}

//go:noinline
func callerBelow(c *sources, depth int) (s struct{ Function string }) {
	if depth > 0 {
		return callerBelow(c, depth-1)
	}
	s.Function = c.caller().Function
	return s
}

func TestRelative(t *testing.T) {
	b := build{module: "example.com/shop", main: "example.com/shop/cmd/server"}
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
		if got := b.relative(c.function, c.file); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.function, c.file, got, c.want)
		}
	}
	if got := (build{}).relative("main.main", "/tmp/x/main.go"); got != "main.go" {
		t.Errorf("a program that does not tell its module: %q", got)
	}
	if got := (build{main: "command-line-arguments"}).relative("main.main", "/tmp/x/main.go"); got != "main.go" {
		t.Errorf("go run main.go: %q", got)
	}
}
