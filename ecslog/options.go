package ecslog

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
)

// Version is the ECS version that lines declare in ecs.version.
const Version = "1.6.0"

// DefaultMaxValueBytes is the size in bytes above which one value is cut when
// [Options.MaxValueBytes] is zero.
const DefaultMaxValueBytes = 64 << 10

// Options configure a [Handler]. The zero value is ready to use.
type Options struct {
	// Level is the lowest level that is written; nil means [slog.LevelInfo]. A
	// [*slog.LevelVar] can be changed while the handler runs.
	Level slog.Leveler
	// LevelName names a level in log.level. Nil means the lower-case slog name:
	// "info", "error", "info+2".
	LevelName func(slog.Level) string
	// AddSource writes log.origin: the file (with its directory), line and
	// function of the call.
	AddSource bool
	// Logger is log.logger; "" leaves it out.
	Logger string
	// ServiceName, ServiceVersion, ServiceEnvironment and ServiceNode are
	// service.name, .version, .environment and .node.name; "" leaves one out.
	ServiceName        string
	ServiceVersion     string
	ServiceEnvironment string
	ServiceNode        string
	// Dataset is event.dataset; "" means ServiceName.
	Dataset string
	// Process writes process.name and process.pid.
	Process bool
	// Original repeats the message in log.original, as some other ECS loggers do.
	Original bool
	// Pinned makes the fields that these options set win over attributes of the
	// same name, which then move to labels. Otherwise attributes win.
	Pinned bool
	// StampZeroTime writes the current time for a record that has none. slog asks
	// handlers to leave a zero time out and that is the default, but the
	// specification requires @timestamp. Records made by a [slog.Logger] always
	// have a time.
	StampZeroTime bool
	// MaxValueBytes is the size in bytes above which the message or one value is
	// cut, with a mark that gives its full size. 0 means [DefaultMaxValueBytes];
	// negative means no limit.
	MaxValueBytes int
	// ContextAttrs returns attributes to add to a record from its context, such as
	// "trace.id"; they are placed as if given at the top level. Nil adds none.
	ContextAttrs func(ctx context.Context) []slog.Attr
}

// ownFields lists the constant fields that o adds to every line, by path.
func (o *Options) ownFields() []slog.Attr {
	var fields []slog.Attr
	add := func(path, value string) {
		if value != "" {
			fields = append(fields, slog.String(path, value))
		}
	}
	add("log.logger", o.Logger)
	if o.Dataset != "" {
		add("event.dataset", o.Dataset)
	} else {
		add("event.dataset", o.ServiceName)
	}
	if o.Process {
		add("process.name", filepath.Base(os.Args[0]))
		fields = append(fields, slog.Int("process.pid", os.Getpid()))
	}
	add("service.name", o.ServiceName)
	add("service.version", o.ServiceVersion)
	add("service.environment", o.ServiceEnvironment)
	add("service.node.name", o.ServiceNode)
	return fields
}
