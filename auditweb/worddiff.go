package auditweb

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// run is a part of a text that stayed, went or came.
type run struct{ Op, Text string } // Op is "", "del" or "ins"

const (
	wordDiffBytes  = 64 << 10
	bytesWork      = 8   // is what a byte takes of the work
	wordDiffTokens = 700 // of what is between the same beginning and the same end
)

// wordDiff compares two texts by words; nil where that would tell nobody anything: for
// short texts, long ones, and such that have little in common. It takes its work off
// what is left for the page.
func wordDiff(from, to string, left *int) []run {
	if len(from) > wordDiffBytes || len(to) > wordDiffBytes {
		return nil
	}
	if *left -= bytesWork * (len(from) + len(to)); *left < 0 {
		return nil
	}
	spaces := onlySpaces(from, to)
	if !spaces && (len(strings.Fields(from)) < 4 || len(strings.Fields(to)) < 4) {
		return nil
	}
	a, b := tokens(from), tokens(to)
	most := max(countWords(a), countWords(b))
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	begin, end := a[:head], a[len(a)-tail:]
	a, b = a[head:len(a)-tail], b[head:len(b)-tail]
	if len(a) > wordDiffTokens || len(b) > wordDiffTokens || (len(a)+1)*(len(b)+1) > *left {
		return nil
	}
	*left -= (len(a) + 1) * (len(b) + 1)
	runs, kept := compared(a, b)
	kept += countWords(begin) + countWords(end)
	// Spaces are the same in any two texts: only words tell whether one became the other.
	if !spaces && kept*2 < most {
		return nil
	}
	all := make([]run, 0, len(runs)+2)
	add := func(r run) {
		if n := len(all); r.Text != "" && n > 0 && all[n-1].Op == r.Op {
			all[n-1].Text += r.Text
		} else if r.Text != "" {
			all = append(all, r)
		}
	}
	add(run{"", strings.Join(begin, "")})
	for _, r := range runs {
		add(r)
	}
	add(run{"", strings.Join(end, "")})
	return together(all)
}

// compared finds what a and b have in common, and how many words that is.
func compared(a, b []string) (runs []run, kept int) {
	// common[i][j] is how much a[i:] and b[j:] have in common.
	width := len(b) + 1
	common := make([]uint16, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	add := func(op, text string) {
		if n := len(runs); n > 0 && runs[n-1].Op == op {
			runs[n-1].Text += text
			return
		}
		runs = append(runs, run{op, text})
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			add("", a[i])
			if isWord(a[i]) {
				kept++
			}
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[(i+1)*width+j] >= common[i*width+j+1]:
			add("del", a[i])
			i++
		default:
			add("ins", b[j])
			j++
		}
	}
	return runs, kept
}

// together joins changes with nothing but spaces or dots between them: a new phrase is read
// whole, and not word by word between what was there.
func together(runs []run) (joined []run) {
	var went, came string
	end := func() {
		show := lines
		switch {
		case went+came == "":
		case onlySpaces(went, came):
			show = spelled
		case onlyAccents(went, came):
			show = numbered
		}
		if went != "" {
			joined = append(joined, run{"del", show(went)})
		}
		if came != "" {
			joined = append(joined, run{"ins", show(came)})
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

// aroundChange is how many characters of what stayed a list shows beside a change.
const aroundChange = 100

// aroundRuns leaves out what stayed where that is long, and reports whether it did.
func aroundRuns(runs []run) (short []run, cut bool) {
	for i, r := range runs {
		all := []rune(r.Text)
		if r.Op == "" && len(all) > 3*aroundChange {
			head, tail := "", ""
			if i > 0 {
				head = strings.TrimSuffix(shortened(r.Text, aroundChange), "…")
			}
			if i+1 < len(runs) {
				n := len(all) - aroundChange
				for n > 0 && clings(all[n-1], all[n]) {
					n--
				}
				tail = string(all[n:])
			}
			r.Text, cut = head+" … "+tail, true
		}
		short = append(short, r)
	}
	return short, cut
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

// tokens are words and what is between them. Scripts without spaces between words have
// each letter for one; marks and joined pictures stay whole.
func tokens(text string) []string {
	var all []string
	begin, word, last := 0, false, rune(0)
	for i, r := range text {
		in := inWord(r) && !(r > '~' && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai))
		if i > 0 && !clings(last, r) {
			if !in || !word {
				all = append(all, text[begin:i])
				begin = i
			}
			word = in
		} else if i == 0 {
			word = in
		}
		last = r
	}
	if text != "" {
		all = append(all, text[begin:])
	}
	return all
}
