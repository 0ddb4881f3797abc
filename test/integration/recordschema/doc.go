// Package recordschema validates what emitter.RecordJSON says of every kind of record
// by docs/record.schema.json.
package recordschema
