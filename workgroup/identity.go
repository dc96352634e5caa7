package workgroup

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// claims is what a site says of its visitor under its signature (docs/interface.md, B.3).
type claims struct {
	Sub    string   `json:"sub"` // customer id, required
	Name   string   `json:"name"`
	Email  string   `json:"email"`
	Phone  string   `json:"phone"`
	Groups []string `json:"groups"`
}

// tokenError says what is wrong with a visitor's token. Reason is of the closed list expired | audience | signature | claims.
type tokenError struct {
	reason string
	err    error
}

func (e *tokenError) Error() string { return "visitor's token: " + e.reason + ": " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// What a token may hold, in bytes.
const (
	maxToken  = 8 << 10
	maxClaim  = 256
	maxGroups = 32
	// tokenLeeway is by how much the site's clock may differ from ours.
	tokenLeeway = 30 * time.Second
)

var (
	errTokenLong = errors.New("longer than 8 KiB")
	errNoKey     = errors.New("the site has no key for visitors' tokens")
	errClaimLong = errors.New("a claim is too long")
	errClaimBad  = errors.New("a claim is no plain text")
	errNoSubject = errors.New("sub is missing")
)

// signed is what is read of a token: the registered claims that are checked, and ours.
type signed struct {
	claims
	Audience  jwt.ClaimStrings `json:"aud"`
	Expires   *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
}

func (s *signed) GetExpirationTime() (*jwt.NumericDate, error) { return s.Expires, nil }
func (s *signed) GetNotBefore() (*jwt.NumericDate, error)      { return s.NotBefore, nil }
func (s *signed) GetAudience() (jwt.ClaimStrings, error)       { return s.Audience, nil }
func (s *signed) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (s *signed) GetIssuer() (string, error)                   { return "", nil }
func (s *signed) GetSubject() (string, error)                  { return s.Sub, nil }

// payload is a token's claims before its signature is known to be good: kept, not read.
type payload struct {
	jwt.MapClaims
	raw []byte
}

func (p *payload) UnmarshalJSON(b []byte) error {
	p.raw = append([]byte(nil), b...)
	return nil
}

// verify checks a token's signature, audience and times, and returns its claims. Any error is a *tokenError. Which
// algorithm is taken follows from the site's key alone, and a key is only ever used with its own: HS256 with the secret,
// EdDSA with the public keys (RFC 8725 §3.1).
func (i Identity) verify(token string, now time.Time) (claims, error) {
	var methods []string
	if len(i.HMACKey) > 0 {
		methods = append(methods, jwt.SigningMethodHS256.Alg())
	}
	if len(i.Ed25519) > 0 {
		methods = append(methods, jwt.SigningMethodEdDSA.Alg())
	}
	switch {
	case len(methods) == 0:
		return claims{}, &tokenError{"signature", errNoKey}
	case len(token) > maxToken:
		return claims{}, &tokenError{"claims", errTokenLong}
	}
	key := func(t *jwt.Token) (any, error) {
		if _, ok := t.Method.(*jwt.SigningMethodHMAC); ok {
			return i.HMACKey, nil
		}
		set := jwt.VerificationKeySet{}
		for _, k := range i.Ed25519 {
			set.Keys = append(set.Keys, k)
		}
		return set, nil
	}
	// The signature comes first: nothing else of a token is looked at before.
	var body payload
	parser := jwt.NewParser(jwt.WithValidMethods(methods), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding())
	if _, err := parser.ParseWithClaims(token, &body, key); err != nil {
		return claims{}, &tokenError{"signature", err}
	}
	var s signed
	if err := json.Unmarshal(body.raw, &s); err != nil {
		return claims{}, &tokenError{"claims", err}
	}
	valid := jwt.NewValidator(jwt.WithExpirationRequired(), jwt.WithAudience(i.Audience), jwt.WithLeeway(tokenLeeway),
		jwt.WithTimeFunc(func() time.Time { return now }))
	if err := valid.Validate(&s); err != nil {
		return claims{}, &tokenError{tokenReason(err), err}
	}
	if err := s.claims.check(); err != nil {
		return claims{}, &tokenError{"claims", err}
	}
	return s.claims, nil
}

// tokenReason sorts the library's errors about claims: of several the one that a fresh token would mend.
func tokenReason(err error) string {
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "expired"
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return "audience"
	}
	return "claims" // exp or aud missing, not valid yet
}

// check bounds the claims: agents see them, and sub is part of a key in the archive.
func (c *claims) check() error {
	if c.Sub == "" {
		return errNoSubject
	}
	if len(c.Groups) > maxGroups {
		return errClaimLong
	}
	for _, s := range append([]string{c.Sub, c.Name, c.Email, c.Phone}, c.Groups...) {
		if len(s) > maxClaim {
			return errClaimLong
		}
	}
	if plain(c.Sub) != c.Sub || plain(c.Email) != c.Email {
		return errClaimBad
	}
	c.Name, c.Phone = plain(c.Name), plain(c.Phone)
	for i := range c.Groups {
		c.Groups[i] = plain(c.Groups[i])
	}
	return nil
}

// plain returns a text of one line without what makes it show as something else: control characters, line ends, and
// marks that turn the direction of what follows.
func plain(s string) string { return strings.TrimSpace(strings.Map(shown, s)) }

// shown maps white space of all kinds to a blank, and what can't or shan't be shown to nothing.
func shown(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r', r == '\u2028', r == '\u2029':
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError, r == '\ufffe', r == '\uffff':
		return -1
	}
	return r
}
