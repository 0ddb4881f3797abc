package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of the specification.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Errors of this package, for [errors.Is].
var (
	// ErrInvalidOption is an option or an address that makes no sense.
	ErrInvalidOption = errors.New("auditplugin: invalid webhook option")
	// ErrSecret is a secret that is not "whsec_" and the base64 of 24 to 64 bytes.
	ErrSecret = errors.New("auditplugin: invalid webhook secret")
	// ErrSignature is a request that none of the secrets signed, or that was changed.
	ErrSignature = errors.New("auditplugin: webhook signature does not match")
	// ErrTimestamp is a request that is too old, or from the future.
	ErrTimestamp = errors.New("auditplugin: webhook timestamp is out of range")
	// ErrRefused is an answer that did not accept the record.
	ErrRefused = errors.New("auditplugin: webhook receiver did not accept the record")
	// ErrUnreachable is a request without an answer.
	ErrUnreachable = errors.New("auditplugin: webhook receiver gave no answer")
)

const secretPrefix = "whsec_"

// parseSecret returns the key of a secret. Errors do not quote it.
func parseSecret(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil || !strings.HasPrefix(secret, secretPrefix) || len(key) < 24 || len(key) > 64 {
		return nil, ErrSecret
	}
	return key, nil
}

func sign(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Verifier checks what a receiver gets. It is safe for concurrent use.
type Verifier struct {
	keys      [][]byte
	tolerance time.Duration
	now       func() time.Time
}

// NewVerifier returns a verifier that accepts what one of the secrets signed, at
// most five minutes ago: two while a secret is being replaced. It fails with
// [ErrSecret].
func NewVerifier(secrets ...string) (*Verifier, error) {
	v := &Verifier{tolerance: 5 * time.Minute, now: time.Now}
	for _, secret := range secrets {
		key, err := parseSecret(secret)
		if err != nil {
			return nil, err
		}
		v.keys = append(v.keys, key)
	}
	if len(v.keys) == 0 {
		return nil, fmt.Errorf("%w: none was given", ErrSecret)
	}
	return v, nil
}

// Verify checks a request's headers against its body. It fails with [ErrSignature]
// or [ErrTimestamp]. Whether a record was received before is for the receiver to
// know, by the header webhook-id.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	id, timestamp := header.Get(HeaderID), header.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: it is not a number", ErrTimestamp)
	}
	if age := v.now().Sub(time.Unix(seconds, 0)); age > v.tolerance || age < -v.tolerance {
		return ErrTimestamp
	}
	if id == "" {
		return fmt.Errorf("%w: there is no %s", ErrSignature, HeaderID)
	}
	for _, given := range strings.Fields(header.Get(HeaderSignature)) {
		for _, key := range v.keys {
			if hmac.Equal([]byte(given), []byte(sign(key, id, timestamp, body))) {
				return nil
			}
		}
	}
	return ErrSignature
}
