package auditweb

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// run is a part of a text that stayed, went or came.
type run struct{ Op, Text string } // Op is "", "del" or "ins"

const (
	wordDiffBytes  = 4096
	wordDiffTokens = 700
)

// wordDiff compares two texts by words; nil where that would tell nobody anything: for
// short texts, long ones, and such that have little in common.
func wordDiff(from, to string) []run {
	if len(from) > wordDiffBytes || len(to) > wordDiffBytes {
		return nil
	}
	a, b := tokens(from), tokens(to)
	if len(strings.Fields(from)) < 4 || len(strings.Fields(to)) < 4 || len(a) > wordDiffTokens || len(b) > wordDiffTokens {
		return nil
	}
	// common[i][j] is how much a[i:] and b[j:] have in common.
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var runs []run
	add := func(op, text string) {
		if n := len(runs); n > 0 && runs[n-1].Op == op {
			runs[n-1].Text += text
			return
		}
		runs = append(runs, run{op, text})
	}
	i, j, kept := 0, 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			add("", a[i])
			if isWord(a[i]) {
				kept++
			}
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			add("del", a[i])
			i++
		default:
			add("ins", b[j])
			j++
		}
	}
	// Spaces are the same in any two texts: only words tell whether one became the other.
	if kept*2 < max(countWords(a), countWords(b)) {
		return nil
	}
	return together(runs)
}

// together joins changes with nothing but spaces or dots between them: a new phrase is read
// whole, and not word by word between what was there.
func together(runs []run) (joined []run) {
	var went, came string
	end := func() {
		if went != "" {
			joined = append(joined, run{"del", lines(went)})
		}
		if came != "" {
			joined = append(joined, run{"ins", lines(came)})
		}
		went, came = "", ""
	}
	for i, r := range runs {
		switch {
		case r.Op == "del":
			went += r.Text
		case r.Op == "ins":
			came += r.Text
		case went+came != "" && i+1 < len(runs) && !strings.ContainsFunc(r.Text, inWord):
			went += r.Text
			came += r.Text
		default:
			end()
			joined = append(joined, run{"", lines(r.Text)})
		}
	}
	end()
	return joined
}

// inWord reports whether a rune is part of a word.
func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func isWord(token string) bool {
	r, _ := utf8.DecodeRuneInString(token)
	return inWord(r)
}

func countWords(all []string) (n int) {
	for _, token := range all {
		if isWord(token) {
			n++
		}
	}
	return n
}

// tokens are words and what is between them.
func tokens(text string) []string {
	var all []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			all = append(all, word.String())
			word.Reset()
		}
	}
	for _, r := range text {
		if inWord(r) {
			word.WriteRune(r)
			continue
		}
		end()
		all = append(all, string(r))
	}
	end()
	return all
}
