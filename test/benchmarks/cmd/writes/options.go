package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

// options are what the flags say.
type options struct {
	kinds    []subject.Kind
	modes    []subject.Mode
	variants []subject.Variant
	works    []work.Work
	writers  bool
	rounds   int
	bigs     int
	slice    time.Duration
	duration time.Duration
	dir      string
	trails   []int
	counts   bool
	page     string
	profile  string
	twice    bool
	// everywhere says that the longest works, of which a run in one mode tells most,
	// are measured in every mode.
	everywhere bool
	// again leaves out the memory, which another trail does not change.
	again bool
}

func parse(args []string) (*options, error) {
	f := flag.NewFlagSet("writes", flag.ContinueOnError)
	db := f.String("db", "", "databases, separated by commas: sqlite, postgres, mysql (default: all that can be reached)")
	mode := f.String("mode", "", "modes: default, prepare, simple (PostgreSQL), nosync (SQLite) (default: all, with the 100,000 rows and the writers in the default mode)")
	variant := f.String("variant", "", "variants beside plain: plugin, trigger, slog (default: all)")
	works := f.String("work", "", "works: "+strings.Join(workNames(), ", ")+" (default: all)")
	rounds := f.Int("rounds", 15, "turns that each variant takes at each work")
	slice := f.Duration("slice", 20*time.Millisecond, "how long a turn of plain GORM takes, for works of one row")
	duration := f.Duration("duration", 30*time.Second, "how long the 16 writers write, each variant")
	quick := f.Bool("quick", false, "a tenth of the time: 7 rounds, 3 s of writers, default mode, not the 100,000 rows")
	profile := f.String("cpuprofile", "", "file to write a CPU profile of the turns to, with the labels variant and work")
	counts := f.Bool("counts", true, "count statements, round trips and allocations too")
	page := f.String("write", "", "folder to write benchmarks.md and benchmarks.svg to")
	twice := f.Bool("twice", false, "measure the default mode once more at the end, and put both runs side by side")
	trail := f.String("trail", "100000,0", "records in the trail before anything is measured, from where it grows; 0: it is emptied between turns; those after the first in the default mode only")
	dir := f.String("dir", "", "folder for SQLite's files (default: that for temporary files)")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || *rounds < 1 || *slice <= 0 || *duration <= 0 {
		return nil, fmt.Errorf("auditplugin: arguments %q, or a number that is not positive", f.Args())
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if *quick {
		if !given["rounds"] {
			*rounds = 7
		}
		if !given["duration"] {
			*duration = 3 * time.Second
		}
		if !given["mode"] {
			*mode = string(subject.Default)
		}
		if !given["trail"] {
			*trail = "100000"
		}
		if !given["work"] {
			*works = strings.Join(slices.DeleteFunc(workNames(), func(n string) bool { return n == "update100000" }), ",")
		}
	}
	o := &options{rounds: *rounds, bigs: max(5, *rounds/6), slice: *slice, duration: *duration, dir: *dir, counts: *counts, page: *page, profile: *profile, twice: *twice, everywhere: given["mode"]}
	for _, text := range split(*trail) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("auditplugin: trail %q is no number of records", text)
		}
		o.trails = append(o.trails, n)
	}
	if err := o.pickDatabases(*db); err != nil {
		return nil, err
	}
	if err := o.pickVariants(*mode, *variant); err != nil {
		return nil, err
	}
	return o, o.pickWorks(*works)
}

func (o *options) pickDatabases(names string) error {
	for _, k := range subject.Kinds() {
		if names != "" && !slices.Contains(split(names), string(k)) {
			continue
		}
		env, ok := k.Server()
		if !ok && names != "" {
			return fmt.Errorf("auditplugin: %s is not set", env)
		}
		if !ok {
			fmt.Fprintln(os.Stderr, "left out:", k, "since", env, "is not set")
			continue
		}
		o.kinds = append(o.kinds, k)
	}
	if names != "" && len(o.kinds) != len(split(names)) {
		return fmt.Errorf("auditplugin: databases %q: one of %v", names, subject.Kinds())
	}
	return nil
}

func (o *options) pickVariants(modes, variants string) error {
	o.modes = subject.Modes()
	if modes != "" {
		all := o.modes
		o.modes = nil
		for _, m := range split(modes) {
			if !slices.Contains(all, subject.Mode(m)) {
				return fmt.Errorf("auditplugin: no mode %q: one of %v", m, all)
			}
			o.modes = append(o.modes, subject.Mode(m))
		}
	}
	o.variants = subject.Variants()
	if variants != "" {
		o.variants = []subject.Variant{subject.Plain}
		for _, name := range split(variants) {
			v, err := subject.ParseVariant(name)
			if err != nil {
				return err
			}
			if !slices.Contains(o.variants, v) {
				o.variants = append(o.variants, v)
			}
		}
	}
	return nil
}

func (o *options) pickWorks(names string) error {
	if names == "" {
		o.works, o.writers = work.All(), true
		return nil
	}
	for _, name := range split(names) {
		if name == writers {
			o.writers = true
			continue
		}
		w, err := work.Find(name)
		if err != nil {
			return err
		}
		o.works = append(o.works, w)
	}
	return nil
}

// big says whether the large table is needed.
func (o *options) big() bool {
	return slices.ContainsFunc(o.works, func(w work.Work) bool { return w.Big })
}

func workNames() []string {
	var names []string
	for _, w := range work.All() {
		names = append(names, w.Name)
	}
	return append(names, writers)
}

func split(list string) []string {
	parts := strings.Split(list, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
