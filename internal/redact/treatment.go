package redact

import (
	"maps"
	"slices"
	"strings"
)

// Treatment is what becomes of a column's values, for whoever has to say it in another
// language than Go.
type Treatment struct {
	// Drop leaves the column out. Mask hides every value. Named hides every value that has
	// room for a secret: all but booleans and times.
	Drop, Mask, Named bool
	// Tail, unless 0, shows as many characters at the end of texts and whole numbers.
	Tail int
	// Names hides what stands in a document under names of secrets.
	Names bool
}

// Treatment tells how a column's values are shown. What it can not tell of, hashes and
// tags inside documents, it hides altogether.
func (p *Plan) Treatment(column string) Treatment {
	m := p.member(column)
	switch m.rule.op {
	case opDrop:
		return Treatment{Drop: true}
	case opMask, opHash:
		return Treatment{Mask: true}
	case opTail:
		return Treatment{Tail: m.rule.tail}
	case opNamed:
		return Treatment{Named: true}
	}
	if m.shape.guarded || m.shape.kind == disputed || m.shape.drops(map[*shape]bool{}) {
		return Treatment{Mask: true}
	}
	return Treatment{Names: !m.shape.open}
}

// SecretWords are what [SecretName] knows, for whoever has to ask it in another language:
// whole words, endings of words, pairs of words that may be run together by a space, and
// the last words of names that only say something about a secret.
func SecretWords() (words, endings, pairs, about []string) {
	return slices.Sorted(maps.Keys(secretWords)), slices.Clone(secretEndings), slices.Sorted(maps.Keys(secretPairs)), slices.Sorted(maps.Keys(aboutWords))
}

// SecretPatterns are regular expressions for a name that was split into words, in lower
// case, with one space between two: it is a secret's if it matches secret, and either does
// not match about or matches still. border is how the language writes a word's border.
func SecretPatterns(border string) (secret, about, still string) {
	words, endings, pairs, abouts := SecretWords()
	secret = border + "(" + strings.Join(words, "|") + ")" + border + "|(" + strings.Join(endings, "|") + ")" + border +
		"|" + border + "(" + strings.Join(pairs, "|") + ")s?" + border
	return secret, " (" + strings.Join(abouts, "|") + ")$", "(^| )secret id$"
}
