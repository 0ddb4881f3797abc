// Package pgnotify lets PostgreSQL wake a relay. It is a module of its own, so
// that the driver it uses is not a requirement of relay/pgnotify.
package pgnotify
