// Package channels sends alerts to mail, web and message servers. It is a module
// of its own, so that the servers it plays are not requirements of alert/channels.
package channels
