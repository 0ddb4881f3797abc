package file

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/alert"
)

// Config is what a file says: the arguments of [alert.New] and [alert.Engine.Replace].
type Config struct {
	Rules    []alert.Rule
	Channels map[string]alert.Channel
	Options  []alert.Option
}

// Option changes how a file is read.
type Option func(*reader)

// Channels gives channels by name. Rules may name them; the file may not define them
// anew.
func Channels(channels map[string]alert.Channel) Option {
	return func(r *reader) {
		for name, c := range channels {
			r.given[name] = c
		}
	}
}

// URLs lets the file define channels by URL, which make turns into a channel;
// channels.New of the module alert/channels does. In a URL, ${NAME} is replaced by
// an environment variable. Without URLs, a file with channels is an error.
func URLs(make func(url string) (alert.Channel, error)) Option {
	return func(r *reader) { r.make = make }
}

// Env replaces where ${NAME} comes from; the default is os.LookupEnv.
func Env(lookup func(name string) (string, bool)) Option {
	return func(r *reader) { r.env = lookup }
}

// With adds options of the engine: alert.WithModels, so that the file's models and
// columns are checked, or labels that the file adds to. db is needed for WithModels
// only.
func With(db *gorm.DB, options ...alert.Option) Option {
	return func(r *reader) { r.db, r.options = db, append(r.options, options...) }
}

// maxFile is how large a file may be.
const maxFile = 1 << 20

// Load reads a file. Mistakes in it are an [*Error].
func Load(path string, opts ...Option) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: alert file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("auditplugin: alert file: %w", err)
	}
	return Parse(filepath.Base(path), text, opts...)
}

// Parse reads the text of a file. The name is for errors.
func Parse(name string, text []byte, opts ...Option) (*Config, error) {
	r := &reader{
		given: map[string]alert.Channel{}, channels: map[string]alert.Channel{}, zone: time.UTC, env: os.LookupEnv,
	}
	for _, o := range opts {
		o(r)
	}
	for name, c := range r.given {
		r.channels[name] = c
	}
	if len(text) > maxFile {
		r.problems.at(node{line: 1, column: 1}, "the file is larger than %d bytes", maxFile)
	} else if root := r.parse(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))); root != nil { // some editors begin a file with this mark
		r.read(newNode(root, &r.problems))
	}
	if err := r.problems.err(name); err != nil {
		return nil, err
	}
	return &Config{Rules: r.rules, Channels: r.channels, Options: append(slices.Clone(r.options), r.said...)}, nil
}

// reader reads one file.
type reader struct {
	problems
	given   map[string]alert.Channel
	make    func(url string) (alert.Channel, error)
	env     func(name string) (string, bool)
	db      *gorm.DB
	options []alert.Option

	zone     *time.Location
	channels map[string]alert.Channel
	rules    []alert.Rule
	said     []alert.Option
}

func (r *reader) parse(text []byte) ast.Node {
	if !utf8.Valid(text) {
		r.at(node{line: 1, column: 1}, "the file must be UTF-8")
		return nil
	}
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		at := node{line: 1, column: 1}
		message := "it is no YAML"
		// The library's own text quotes the file, which may have secrets.
		var said yaml.Error
		if errors.As(err, &said) && said.GetToken() != nil && said.GetToken().Position != nil {
			at.line, at.column = said.GetToken().Position.Line, said.GetToken().Position.Column
		}
		r.at(at, "%s", message)
		return nil
	}
	var documents []ast.Node
	for _, d := range f.Docs {
		if d.Body != nil {
			documents = append(documents, d.Body)
		}
	}
	if len(documents) != 1 {
		r.at(node{line: 1, column: 1}, "there must be one document, with rules")
		return nil
	}
	return documents[0]
}

// read reads the whole file. Channels and the time zone come first, since rules need
// them wherever they stand.
func (r *reader) read(root node) {
	var rules, quiet *node
	root.fields("file", map[string]func(node){
		"time_zone": func(n node) {
			if zone := n.zone("time_zone"); zone != nil {
				r.zone = zone
				r.said = append(r.said, alert.WithTimeZone(zone))
			}
		},
		"time_layout": func(n node) { r.said = append(r.said, alert.WithTimeLayout(n.text("time_layout"))) },
		"labels": func(n node) {
			labels := map[string]string{}
			for _, p := range n.pairs("labels") {
				labels[p.key] = p.value.text("labels")
			}
			r.said = append(r.said, alert.WithLabels(labels))
		},
		"channels":    r.readChannels,
		"quiet_hours": func(n node) { quiet = &n },
		"rules":       func(n node) { rules = &n },
	})
	if quiet != nil {
		for _, item := range quiet.items() {
			h, names := r.hours(item, "quiet_hours", true)
			for _, name := range names {
				if r.channels[name] == nil {
					item.say("quiet_hours: %w: %q; known are %s", alert.ErrUnknownChannel, name, strings.Join(slices.Sorted(maps.Keys(r.channels)), ", "))
				}
			}
			r.said = append(r.said, alert.WithQuietHours(h, names...))
		}
	}
	if rules == nil {
		root.say("there are no rules")
		return
	}
	seen := map[string]bool{}
	for _, item := range rules.sequence("rules") {
		r.rule(item, seen)
	}
}

func (r *reader) readChannels(n node) {
	for _, p := range n.pairs("channels") {
		before := len(r.all)
		url := r.expand(p.value)
		switch {
		case r.given[p.key] != nil:
			p.at.say("channels: %q is given by the program already", p.key)
		case r.make == nil:
			p.at.say("channels: the program that reads this file takes no URLs")
		case len(r.all) == before:
			c, err := r.make(url)
			if err == nil && c != nil {
				r.channels[p.key] = c
				continue
			}
			p.value.say("channels: %q: %w", p.key, cmp.Or(err, errors.New("it makes no channel")))
		}
		// Rules that name it have no second mistake.
		r.channels[p.key] = r.given[p.key]
		if r.channels[p.key] == nil {
			r.channels[p.key] = alert.Slog(nil)
		}
	}
}

var variable = regexp.MustCompile(`\$\$|\$\{[^}]*\}?`)

// expand puts environment variables into a URL. "$$" is a dollar sign.
func (r *reader) expand(n node) string {
	return variable.ReplaceAllStringFunc(n.text("channels"), func(found string) string {
		if found == "$$" {
			return "$"
		}
		name := strings.TrimSuffix(strings.TrimPrefix(found, "${"), "}")
		value, ok := r.env(name)
		if !ok || value == "" || !strings.HasSuffix(found, "}") {
			n.say("channels: the environment variable %q is not set", name)
		}
		return value
	})
}
