// Package viewer gets the pages of auditweb from every database: what they show does not
// depend on which one holds the trail.
package viewer
