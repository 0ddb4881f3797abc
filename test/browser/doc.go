// Package browser looks at the pages of auditweb in a real Chromium: that nothing in them
// violates their Content-Security-Policy, that values from outside stay text, that they
// work without scripts and fit a phone. It skips where Chromium is not installed.
package browser
