package doctor

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

var (
	webToken   = regexp.MustCompile(`^eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.`)
	privateKey = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)
	cardNumber = regexp.MustCompile(`^[0-9](?:[ -]?[0-9]){12,18}$`)
)

// secrets looks for values that look like secrets and are recorded openly. It names
// columns, and never values.
func secrets(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	all, err := e.search().Newest().Limit(sample).Find(ctx)
	if err != nil {
		return err
	}
	found := map[string]string{}
	for _, r := range all {
		for _, image := range []map[string]any{r.Before, r.After} {
			for column, v := range image {
				look(v, func(what string) { found[place(r, column)] = what })
			}
		}
	}
	if len(found) == 0 {
		report(OK, "nothing that looks like one among the newest records", "")
		return nil
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		report(Warn, name+" looks like "+found[name]+", and is recorded openly", `tag the field audit:"mask", and take out what was recorded with history.Erase`)
	}
	return nil
}

func place(r audit.Record, column string) string { return r.Table + "." + column }

// look tells what a value looks like, and what is in it.
func look(v any, found func(what string)) {
	switch x := v.(type) {
	case string:
		switch {
		case webToken.MatchString(x):
			found("a web token")
		case privateKey.MatchString(x):
			found("a private key")
		case cardNumber.MatchString(x) && luhn(x):
			found("a card number")
		}
	case map[string]any:
		for _, e := range x {
			look(e, found)
		}
	case []any:
		for _, e := range x {
			look(e, found)
		}
	}
}

// luhn tells whether the last digit is the check digit of the others.
func luhn(number string) bool {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(number)
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0 && strings.Trim(digits, "0") != ""
}
