// Package relay tests the relay on real databases: transactions that commit out of
// order, load with kills, several processes.
package relay
