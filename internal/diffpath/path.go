package diffpath

import "strings"

var escaper = strings.NewReplacer(`\`, `\\`, `.`, `\.`)

// Join writes a path as one text: its elements separated by dots, with a
// backslash before each dot and backslash inside an element. Distinct paths give
// distinct texts, except that the empty path and a path of one empty element are
// both "".
func Join(path []string) string {
	escaped := make([]string, len(path))
	for i, e := range path {
		escaped[i] = escaper.Replace(e)
	}
	return strings.Join(escaped, ".")
}

// Split is the inverse of [Join]. The empty text is the empty path.
func Split(joined string) []string {
	if joined == "" {
		return nil
	}
	var path []string
	var element strings.Builder
	for i := 0; i < len(joined); i++ {
		switch c := joined[i]; {
		case c == '\\' && i+1 < len(joined):
			i++
			element.WriteByte(joined[i])
		case c == '.':
			path = append(path, element.String())
			element.Reset()
		default:
			element.WriteByte(c)
		}
	}
	return append(path, element.String())
}
