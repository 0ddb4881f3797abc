package postgres

import "strings"

// parseArray parses the text of a one-dimensional text[]: PostgreSQL manual,
// section 8.15.6, "Array Input and Output Syntax".
func parseArray(text string) ([]any, error) {
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return nil, errArray
	}
	text = text[1 : len(text)-1]
	var out []any
	for len(text) > 0 {
		var field strings.Builder
		quoted := text[0] == '"'
		i := 0
		if quoted {
			i = 1
			for ; ; i++ {
				if i >= len(text) {
					return nil, errArray
				}
				if text[i] == '"' {
					i++
					break
				}
				if text[i] == '\\' {
					if i++; i >= len(text) {
						return nil, errArray
					}
				}
				field.WriteByte(text[i])
			}
		} else {
			for i < len(text) && text[i] != ',' {
				field.WriteByte(text[i])
				i++
			}
		}
		if !quoted && field.String() == "NULL" {
			out = append(out, nil)
		} else {
			out = append(out, field.String())
		}
		if i == len(text) {
			break
		}
		if text[i] != ',' {
			return nil, errArray
		}
		text = text[i+1:]
	}
	return out, nil
}
