package auditweb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/dialect"
)

func newModel(s *schema.Schema) any { return reflect.New(s.ModelType).Interface() }

// boxWord is a word of the query box, and where it stands.
type boxWord struct {
	field, text string
	at          int // in characters, from 1
}

// boxWords takes the box apart: field:value, and words; quotes keep spaces together.
func boxWords(box string) ([]boxWord, error) {
	var words []boxWord
	runes := []rune(box)
	for i := 0; i < len(runes); {
		if unicode.IsSpace(runes[i]) {
			i++
			continue
		}
		w := boxWord{at: i + 1}
		var text strings.Builder
		quoted := false
		for ; i < len(runes) && (quoted || !unicode.IsSpace(runes[i])); i++ {
			switch r := runes[i]; {
			case r == '\\' && quoted && i+1 < len(runes):
				i++
				text.WriteRune(runes[i])
			case r == '"' && (quoted || text.Len() == 0):
				quoted = !quoted
			case r == ':' && !quoted && w.field == "" && isField(text.String()):
				w.field = strings.ToLower(text.String())
				text.Reset()
			default:
				text.WriteRune(r)
			}
		}
		if quoted {
			return nil, badRequest(fmt.Sprintf("The quote at character %d is not closed.", w.at))
		}
		if w.text = text.String(); w.text == "" && w.field != "" {
			return nil, badRequest(fmt.Sprintf("“%s:” at character %d has no value.", w.field, w.at))
		}
		words = append(words, w)
	}
	return words, nil
}

func isField(name string) bool {
	return slices.ContainsFunc(filterFields, func(f filterField) bool { return f.Name == strings.ToLower(name) })
}

// readBox adds the words of the box to a filter. "customer 42" is the row of a model;
// other words without a field are text to look for.
func (h *Handler) readBox(f *filter, box string) error {
	words, err := boxWords(box)
	if err != nil {
		return err
	}
	var free []string
	for _, w := range words {
		if w.field == "" {
			free = append(free, w.text)
			continue
		}
		f.values[w.field] = w.text
	}
	if len(free) > 0 && f.values["table"] == "" {
		if table := h.tableCalled(free[0]); table != "" && len(free) <= 2 {
			f.values["table"] = table
			if len(free) == 2 {
				f.values["id"] = free[1]
			}
			return nil
		}
	}
	if len(free) > 0 {
		f.values["text"] = strings.Join(free, " ")
	}
	return nil
}

// tableCalled is the table of a model that people call so: "customer", "customers".
func (h *Handler) tableCalled(word string) string {
	for table, s := range h.models {
		for _, name := range []string{table, schema.NamingStrategy{}.ColumnName("", s.Name), h.cfg.labels[table]} {
			if name != "" && strings.EqualFold(name, word) {
				return s.Table
			}
		}
	}
	return ""
}

// box writes a filter as the box would have it.
func (f filter) box() string {
	var words []string
	for _, field := range filterFields {
		text := f.values[field.Name]
		if text == "" {
			continue
		}
		if strings.ContainsFunc(text, unicode.IsSpace) || strings.ContainsAny(text, `"\`) || field.Name == "text" && strings.Contains(text, ":") {
			text = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
		}
		if field.Name != "text" {
			text = field.Name + ":" + text
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

// contains is the condition that a text stands in a record: in its words and names and,
// for those who may see them, in its values.
func contains(text string, values bool) func(*gorm.DB) *gorm.DB {
	return func(tx *gorm.DB) *gorm.DB {
		escape := strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")
		columns := []string{"reason", "message", "actor_name", "record_id"}
		args := make([]any, 0, 6)
		for range columns {
			args = append(args, "%"+escape.Replace(text)+"%")
		}
		terms := make([]string, 0, 6)
		for _, name := range columns {
			terms = append(terms, "LOWER("+name+") LIKE LOWER(?) ESCAPE '!'")
		}
		if values {
			inside := "%" + escape.Replace(insideJSON(text)) + "%"
			for _, name := range []string{"before", "after"} {
				terms = append(terms, "LOWER("+asText(tx.Name(), name)+") LIKE LOWER(?) ESCAPE '!'")
				args = append(args, inside)
			}
		}
		return tx.Where("("+strings.Join(terms, " OR ")+")", args...)
	}
}

// asText is a column of JSON as text.
func asText(name, column string) string {
	return strings.Replace(dialect.FactsOf(name).DocumentText, "%s", dialect.Quote(name, column), 1)
}

// insideJSON is a text as it stands in a JSON document.
func insideJSON(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // texts encode
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}
