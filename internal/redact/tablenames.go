package redact

import (
	"slices"
	"strings"
	"unicode"
)

// heldWords are columns that say little themselves: what they hold is what the table is
// called after (api_keys.key, recovery_codes.code, access_tokens.hash, secrets.value).
var heldWords = wordSet("key keys hash hashes digest value values code codes data content payload text plaintext ciphertext string raw")

// hashedOf are whose hash, where a table of them has one, is that of a password.
var hashedOf = wordSet("user account admin member login operator")

// SecretColumn reports whether a column of a table is taken to hold a secret: by its own
// name ([SecretName]), or, where that says little (key, hash, value, code, data), by the
// table's: api_keys.key and setup_keys.key are secret, labels.key and ssh_keys.key are not.
func SecretColumn(table, column string) bool {
	words := split(column)
	if secretIn(words) {
		return true
	}
	if table == "" || len(words) == 0 || !heldWords[words[len(words)-1]] || len(words) > 2 {
		return false
	}
	if len(words) == 2 && !heldWords[words[0]] && words[0] != "hashed" && words[0] != "encrypted" {
		return false
	}
	owner := singularWords(table)
	if len(owner) == 0 || publicKey(owner) || owner[len(owner)-1] == "pin" {
		return false
	}
	if hashedOf[owner[len(owner)-1]] && words[len(words)-1] == "hash" && len(words) == 1 {
		return true
	}
	return secretIn(owner) || secretIn(append(owner[:len(owner):len(owner)], words...))
}

// namingColumns name a row of a table of settings, and settingColumns hold what it is set
// to. A common first part makes a pair of others: option_name and option_value.
var (
	namingColumns  = wordSet("key ckey name option setting variable property parameter header")
	settingColumns = wordSet("value val cval")
)

// SettingColumns finds, in a table of settings, the column that names a row and those that
// hold what it is set to: key and value, option_name and option_value. naming is "" in other
// tables. Whether such a value is a secret is a matter of the row: see [SecretSetting].
func SettingColumns(columns []string) (naming string, values []string) {
	for _, c := range columns {
		words := split(c)
		if len(words) == 0 || !settingColumns[words[len(words)-1]] {
			continue
		}
		if by := namingOf(columns, words[:len(words)-1]); by != "" && (naming == "" || naming == by) {
			naming, values = by, append(values, c)
		}
	}
	return naming, values
}

// namingOf prefers a key to a name, which a row may have besides.
func namingOf(columns, first []string) string {
	naming := ""
	for _, c := range columns {
		words := split(c)
		n := len(words) - 1
		if n != len(first) || n < 0 || !namingColumns[words[n]] || !slices.Equal(words[:n], first) {
			continue
		}
		if naming == "" || words[n] != "name" {
			naming = c
		}
	}
	return naming
}

// SecretSetting reports whether a row of a table of settings that is called so holds a
// secret: smtpPassword, SMTP_PASSWORD, smtp.password. A text with spaces is no such name.
func SecretSetting(name any) bool {
	s, ok := name.(string)
	if b, isBytes := name.([]byte); isBytes {
		s, ok = string(b), true
	}
	return ok && len(s) <= maxSettingName && strings.IndexFunc(s, unicode.IsSpace) < 0 && SecretName(s)
}

const maxSettingName = 255
