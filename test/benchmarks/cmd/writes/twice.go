package main

import (
	"fmt"
	"io"
	"os"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

// repeat measures the sections in the default mode once more, after everything else:
// plain GORM, the plugin and the trigger, without what does not move.
func (o *options) repeat(sections []section) error {
	less := *o
	less.variants = nil
	for _, v := range o.variants {
		if v != subject.Slog {
			less.variants = append(less.variants, v)
		}
	}
	for i := range sections {
		s := &sections[i]
		if s.mode != subject.Default {
			continue
		}
		again, err := less.in(s.mode, true).measure(s.kind, s.mode, s.trail)
		if err != nil {
			return fmt.Errorf("%s, second run: %w", s.kind, err)
		}
		s.second = again.results
		printSecond(os.Stdout, *s)
	}
	return nil
}

// meet reports whether the quartiles of two runs have something in common.
func (s spread) meet(other spread) bool { return s.q1 <= other.q3 && other.q1 <= s.q3 }

// secondHead and secondRows are the columns of the table of two runs.
func secondHead() []string {
	return []string{"work", "plugin / plain", "second run", "plugin / trigger", "second run"}
}

func (s section) secondRows() [][]string {
	var rows [][]string
	for i, r := range s.second {
		first := s.results[i]
		rows = append(rows, []string{
			r.title,
			first.toPlain[subject.Plugin].String(), r.toPlain[subject.Plugin].String(),
			first.toTrigger.String(), r.toTrigger.String(),
		})
	}
	return rows
}

// agreement counts the ratios in both runs, and those whose quartiles meet.
func agreement(sections []section) (met, all int) {
	for _, s := range sections {
		for i, r := range s.second {
			first := s.results[i]
			for _, pair := range [][2]spread{{first.toPlain[subject.Plugin], r.toPlain[subject.Plugin]}, {first.toTrigger, r.toTrigger}} {
				if pair[0].n == 0 || pair[1].n == 0 {
					continue
				}
				if all++; pair[0].meet(pair[1]) {
					met++
				}
			}
		}
	}
	return met, all
}

func printSecond(w io.Writer, s section) {
	fmt.Fprintf(w, "\n%s, %s: the first run and the second\n", s.server.label, trailTitle(s.trail))
	table(w, secondHead(), s.secondRows())
}

// markdownSecond is the chapter of the second run.
func markdownSecond(w io.Writer, sections []section) {
	met, all := agreement(sections)
	if all == 0 {
		return
	}
	fmt.Fprintf(w, `
## A second run

The default mode was measured twice: as above, and once more after all of that. Where the machine or its disk has another speed the second time, a ratio moves too, since waiting for the disk is part of what it is divided by. Of %d ratios, the quartiles of both runs meet in %d.
`, all, met)
	for _, s := range sections {
		if len(s.second) > 0 {
			fmt.Fprintf(w, "\n%s, %s:\n\n", s.server.label, trailTitle(s.trail))
			markdownTable(w, secondHead(), s.secondRows())
		}
	}
}
