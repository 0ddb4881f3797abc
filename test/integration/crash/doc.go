// Package crash holds the tests that kill the writing process, stop the database
// server and cut the connection, and then demand that the rows and the audit table
// agree.
package crash
