// Package ecslog is a [log/slog.Handler] that writes JSON lines by the
// ecs-logging specification, so that Elasticsearch, and anything else that reads
// the Elastic Common Schema, takes an application's logs without a parser.
//
//	logger := slog.New(ecslog.NewHandler(os.Stdout, &ecslog.Options{ServiceName: "shop"}))
//	logger.Info("order placed", "order", 17, "trace.id", traceID)
//
// # Where attributes go
//
// @timestamp, log.level and message come first, in that order; log.level and
// ecs.version keep their dot at the top level. Every other key with dots is a
// path: "trace.id" and slog.Group("trace", "id", …) are the same field and end up
// in one object. Attributes that are not ECS fields stay at the top level under
// the name they were given.
//
//   - An error under the key "error" or "err" becomes error.type, error.message
//     and, where the error knows one, error.stack_trace.
//   - A [*log/slog.Source] under the key "source" becomes log.origin.
//   - labels is one flat object; ".", "*" and "\" in its keys become "_" and
//     values that are not scalars become their JSON text.
//   - Fields the specification calls strings are written as strings.
//   - What can not stand where it was put (an attribute named "message", a number
//     called "user" where ECS has an object, "a" beside "a.b") moves to labels,
//     its path joined by "_", and is not lost.
//   - Of two attributes with the same name the later one wins. No line has the
//     same key twice in one object.
//
// # Hostile values
//
// Whatever an attribute holds, the line is one line of valid JSON in valid
// UTF-8: invalid UTF-8 becomes U+FFFD, NaN and infinities become strings, values
// that panic, fail to encode, refer to themselves or are too large are replaced
// by a text that says so.
package ecslog
