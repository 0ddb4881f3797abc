// Package leaks holds the tests that search for secrets, byte by byte, in whatever
// the plugin says, and those that feed it hostile bytes.
package leaks
