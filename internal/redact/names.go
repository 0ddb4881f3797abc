package redact

import (
	"strings"
	"unicode"
)

// secretWords are words that make a name a secret's name. They match whole words,
// so that shipping, pinned and secretary are none.
var secretWords = map[string]bool{
	"password": true, "passwords": true, "passwd": true, "pwd": true, "pass": true,
	"passphrase": true, "passcode": true, "secret": true, "secrets": true,
	"token": true, "tokens": true, "jwt": true, "bearer": true,
	"pin": true, "cvv": true, "cvv2": true, "cvc": true, "cvc2": true, "otp": true, "totp": true,
	"credential": true, "credentials": true, "ssn": true, "mnemonic": true,
	"pincode": true, "apikey": true, "apikeys": true, "privatekey": true, "secretkey": true,
}

// secretEndings match the end of a word, for names run together in lower case:
// userpassword, accesstoken.
var secretEndings = []string{"password", "passwd", "passphrase", "secret", "token", "apikey", "privatekey"}

// secretPairs are two words in a row; a plural of the second one counts too.
var secretPairs = map[string]bool{
	"private key": true, "api key": true, "access key": true, "signing key": true, "encryption key": true,
	"auth key": true, "recovery code": true, "backup code": true, "security code": true,
	"security answer": true, "seed phrase": true, "card number": true, "social security": true,
}

// aboutWords end names of facts about a secret: password_changed_at, token_count,
// credential_id.
var aboutWords = map[string]bool{
	"at": true, "on": true, "count": true, "expiry": true, "expires": true, "expiration": true,
	"enabled": true, "disabled": true, "required": true, "length": true, "type": true, "kind": true,
	"policy": true, "ttl": true, "attempts": true, "limit": true, "status": true, "version": true,
	"id": true, "ids": true,
}

// SecretName reports whether a field, column or JSON key of this name is taken to
// hold a secret. Names are split at capitals, digits' ends and everything that is
// not a letter or digit, and compared word by word, in any case. Secret are
//
//   - the words password, passwd, pwd, pass, passphrase, passcode, secret, token,
//     jwt, bearer, pin, pincode, cvv, cvc, otp, totp, credential, ssn, mnemonic;
//   - words that end in password, passwd, passphrase, secret, token, apikey or
//     privatekey, as in userpassword;
//   - the pairs private key, api key, access key, signing key, encryption key,
//     auth key, recovery code, backup code, security code, security answer, seed
//     phrase, card number, social security.
//
// Not secret are names whose last word says that they are only about one: at, on,
// count, expiry, expires, expiration, enabled, disabled, required, length, type,
// kind, policy, ttl, attempts, limit, status, version, id (but secret_id is).
func SecretName(name string) bool {
	words := split(name)
	if len(words) == 0 {
		return false
	}
	last := len(words) - 1
	if last > 0 && aboutWords[words[last]] {
		// A secret_id is one half of a sign-in, not a reference.
		return words[last] == "id" && words[last-1] == "secret"
	}
	for i, w := range words {
		if secretWords[w] {
			return true
		}
		for _, end := range secretEndings {
			if strings.HasSuffix(w, end) {
				return true
			}
		}
		if i > 0 && secretPairs[words[i-1]+" "+strings.TrimSuffix(w, "s")] {
			return true
		}
	}
	return false
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
