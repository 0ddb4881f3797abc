package redact

import (
	"strings"
	"unicode"
)

// secretWords are words that make a name a secret's name. They match whole words,
// so that shipping, pinned and secretary are none.
var secretWords = wordSet(`password passwords passwd pwd pwds passphrase passcode passhash htpasswd
	secret secrets token tokens jwt jwts bearer psk psks pin cvv cvv2 cvc cvc2 otp otps totp
	credential credentials creds ssn mnemonic pincode apikey apikeys privatekey secretkey
	salt salts cookie cookies authorization dsn keytab`)

// secretEndings match the end of a word, for names run together in lower case:
// userpassword, accesstoken, passwordhash.
var secretEndings = []string{
	"password", "passwd", "passphrase", "passwordhash", "pwdhash", "secret", "token", "apikey", "privatekey", "secretkey", "presharedkey",
}

// secretPairs are two words in a row; a plural of the second one counts too.
var secretPairs = pairSet(map[string]string{
	"key": `private api access signing encryption decryption auth preshared shared session tls ssl master
		hmac cipher symmetric unseal setup enrollment join bootstrap registration activation license client server storage service`,
	"code": `recovery backup security verification device auth authorization activation invite invitation
		confirmation reset access login sms otp redemption`,
	"string": "connection conn", "str": "connection conn",
	"url": "database db redis mongo mongodb postgres mysql amqp", "uri": "database db redis mongo mongodb postgres mysql amqp",
	"link": "magic reset login invite invitation",
	"hash": "pass pwd", "answer": "security", "phrase": "seed pass", "seed": "totp otp wallet",
	"number": "card", "security": "social", "word": "pass", "auth": "basic",
})

// aboutWords end names of facts about a secret: password_changed_at, token_count,
// credential_id, token_url, jwt_groups_claim_name.
var aboutWords = wordSet(`at on by in count counts expiry expires expiration expire enabled disabled required length size type types kind
	policy ttl attempts limit limits status version id ids
	name names url urls uri endpoint endpoints path domain domains server servers issuer audience
	duration lifetime timeout interval period age seconds minutes hours days
	date time timestamp ts created updated changed modified rotated revoked used issued expired
	claim claims group groups scope scopes role roles permissions user users owner provider
	params algorithm algo alg method methods mode format prefix field consent score strength
	rate usage budget cost price quota total index order position description label icon color level state`)

// linked are words before url, uri or link that make the address itself the secret.
var linked = wordSet("reset magic invite invitation signed login verification")

// counted are words beside tokens that make them what language models count.
var counted = wordSet(`input output total prompt completion cached cache creation read write reasoning thinking
	max min context used remaining audio image text daily monthly number num`)

// SecretName reports whether a field, column or JSON key of this name is taken to
// hold a secret. Names are split at capitals, digits' ends and everything that is
// not a letter or digit, and compared word by word, in any case. Secret are
//
//   - words such as password, pwd, passphrase, secret, token, jwt, psk, pin, cvv, otp,
//     credential, ssn, mnemonic, salt, cookie, authorization, dsn;
//   - pass as the last word (smtp_pass), since elsewhere it is a verb;
//   - words that end in password, passwordhash, secret, token, apikey, privatekey and the
//     like, as in userpassword;
//   - pairs such as private key, api key, preshared key, session key, recovery code, device
//     code, security answer, connection string, card number.
//
// Not secret are names whose last word says that they are only about one (token_url,
// password_changed_at, secret_name; but secret_id and password_reset_url are), public
// keys, and tokens that are counted (input_tokens).
func SecretName(name string) bool { return secretIn(split(name)) }

func secretIn(words []string) bool {
	last := len(words) - 1
	if last < 0 || publicKey(words) || tokensCounted(words) {
		return false
	}
	if last > 0 && aboutWords[words[last]] && !partOfPair(words, last) {
		switch words[last] {
		case "id":
			// A secret_id is one half of a sign-in, not a reference.
			return words[last-1] == "secret"
		case "url", "uri":
			return linked[words[last-1]] && (hasSecret(words[:last]) || words[last-1] == "reset" || words[last-1] == "magic")
		}
		return false
	}
	return hasSecret(words)
}

// partOfPair reports whether the word at a place makes a secret with the one before it.
func partOfPair(words []string, at int) bool {
	return secretPairs[words[at-1]+" "+strings.TrimSuffix(words[at], "s")]
}

func hasSecret(words []string) bool {
	for i, w := range words {
		if secretWords[w] || w == "pass" && i == len(words)-1 {
			return true
		}
		for _, end := range secretEndings {
			if strings.HasSuffix(w, end) || strings.HasSuffix(w, end+"s") {
				return true
			}
		}
		if i > 0 && partOfPair(words, i) {
			return true
		}
		// pre_shared_key
		if i > 1 && w == "key" && words[i-1] == "shared" {
			return true
		}
	}
	return false
}

// publicKey reports whether a name ends in public key, whoever's it is.
func publicKey(words []string) bool {
	n := len(words)
	return n > 1 && (words[n-1] == "key" || words[n-1] == "keys") && words[n-2] == "public" || n > 0 && (words[n-1] == "publickey" || words[n-1] == "pubkey")
}

// tokensCounted reports whether a name is one of a number of tokens.
func tokensCounted(words []string) bool {
	n := len(words)
	if n < 2 {
		return false
	}
	return words[n-1] == "tokens" && counted[words[n-2]] && !hasSecret(words[:n-1]) ||
		words[0] == "tokens" && counted[words[1]] && !hasSecret(words[1:])
}

// split cuts a name into lower-case words: "userAPIKey_v2" → user api key v2.
func split(name string) []string {
	var words []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			flush()
			continue
		}
		if i > 0 && unicode.IsUpper(r) {
			after := runes[i-1]
			// A new word begins at fooB, and at the B of FOOBar.
			if !unicode.IsUpper(after) || i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
				flush()
			}
		}
		word = append(word, r)
	}
	flush()
	return words
}

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// pairSet makes pairs of first words by the second.
func pairSet(firsts map[string]string) map[string]bool {
	set := map[string]bool{}
	for second, words := range firsts {
		for _, first := range strings.Fields(words) {
			set[first+" "+second] = true
		}
	}
	return set
}

// singular is a word of a table's name in the form that columns use.
func singular(word string) string {
	switch {
	case strings.HasSuffix(word, "ss"), len(word) < 4:
		return word
	case strings.HasSuffix(word, "ies"):
		return word[:len(word)-3] + "y"
	}
	return strings.TrimSuffix(word, "s")
}

func singularWords(table string) []string {
	words := split(table)
	for i, w := range words {
		words[i] = singular(w)
	}
	return words
}
