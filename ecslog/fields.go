package ecslog

// fieldRule says what ECS expects at a path.
type fieldRule uint8

const (
	ruleFree     fieldRule = iota // not an ECS name: anything goes
	ruleReserved                  // written by the handler itself
	ruleObject                    // a field set: only an object fits
	ruleString                    // a string
	ruleInteger                   // a whole number
	ruleLabels                    // the labels object
	ruleError                     // the error object, which also takes an error
	ruleSource                    // the source object, which also takes a *slog.Source
)

// pathRule returns the rule for a path that is joined by dots.
func pathRule(path string) fieldRule {
	switch path {
	case "@timestamp", "message", "log.level", "ecs.version":
		return ruleReserved
	case "labels":
		return ruleLabels
	case "error":
		return ruleError
	case "source":
		return ruleSource
	case "trace.id", "transaction.id", "span.id",
		"service.name", "service.node.name", "service.version", "service.environment",
		"event.dataset", "process.thread.name", "log.logger",
		"log.origin.file.name", "log.origin.function",
		"error.type", "error.message", "error.stack_trace":
		return ruleString
	case "log.origin.file.line":
		return ruleInteger
	case "log.origin", "log.origin.file", "service.node", "process.thread":
		return ruleObject
	}
	if isFieldSet(path) {
		return ruleObject
	}
	return ruleFree
}

// isFieldSet reports whether name is one of the objects at the top of ECS.
func isFieldSet(name string) bool {
	switch name {
	case "agent", "client", "cloud", "container", "data_stream", "destination", "device", "dll",
		"dns", "ecs", "email", "error", "event", "faas", "file", "group", "host", "http", "labels",
		"log", "network", "observer", "orchestrator", "organization", "package", "process",
		"registry", "related", "rule", "server", "service", "source", "span", "threat", "tls",
		"trace", "transaction", "url", "user", "user_agent", "volume", "vulnerability":
		return true
	}
	return false
}

// streamClass says how the direct path treats a key at the top level.
type streamClass uint8

const (
	streamPlain streamClass = iota // write it where it stands
	streamGroup                    // write it if it is a group
	streamError                    // write it as error.* if it is an error
	streamTree                     // needs the tree
)

func topClass(key string) streamClass {
	switch key {
	case "error", "err":
		return streamError
	case "@timestamp", "message", "ecs", "log", "labels", "source", "trace", "transaction",
		"span", "service", "event", "process":
		return streamTree
	}
	if isFieldSet(key) {
		return streamGroup
	}
	return streamPlain
}

// isOwnPath reports whether the options of a handler write path or below it.
func (c *core) isOwnPath(path string) bool {
	switch path {
	case "log.origin", "log.origin.file", "log.origin.function", "log.origin.file.name", "log.origin.file.line":
		return c.addSource
	case "log.original":
		return c.original
	}
	for i := range c.own {
		if c.own[i].Key == path {
			return true
		}
	}
	return false
}
