// Package emittertest holds the contract that every [audit.Emitter] should keep.
// Run it in the tests of an emitter of your own:
//
//	func TestEmitter(t *testing.T) {
//		emittertest.Run(t, func(t *testing.T) (audit.Emitter, func() []audit.Record) {
//			sink := newSink(t)
//			return sink, sink.Received
//		})
//	}
//
// Run it with -race: part of the contract is to be safe for concurrent use.
package emittertest
