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
