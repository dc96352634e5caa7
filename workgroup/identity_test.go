package workgroup

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenTime is when tokens are looked at in tests.
var tokenTime = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// maria is what a site says of a visitor in tests; each entry of change is set, or removed if nil.
func maria(change map[string]any) jwt.MapClaims {
	c := jwt.MapClaims{
		"sub": "c-1042", "aud": "shop", "exp": tokenTime.Add(time.Minute).Unix(),
		"name": "Maria Lopez", "email": "maria@example.org", "phone": "+34 600", "groups": []string{"billing", "gold"},
	}
	for k, v := range change {
		if v == nil {
			delete(c, k)
			continue
		}
		c[k] = v
	}
	return c
}

func signedBy(t testing.TB, method jwt.SigningMethod, key any, c jwt.Claims) string {
	t.Helper()
	s, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// keyPair makes a key whose seed is all of one byte.
func keyPair(b byte) (ed25519.PublicKey, ed25519.PrivateKey) {
	sum := sha512.Sum512([]byte{b})
	key := ed25519.NewKeyFromSeed(sum[:32])
	return key.Public().(ed25519.PublicKey), key
}

func TestTokens(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	public, private := keyPair(1)
	_, stranger := keyPair(2)
	second, secondKey := keyPair(3)
	shared := Identity{HMACKey: secret, Audience: "shop"}
	pair := Identity{Ed25519: []ed25519.PublicKey{public, second}, Audience: "shop"}
	hs := func(change map[string]any) string { return signedBy(t, jwt.SigningMethodHS256, secret, maria(change)) }
	good := hs(nil)
	parts := strings.Split(good, ".")
	raw := func(header, body string) string {
		enc := base64.RawURLEncoding
		s := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(body))
		sig, err := jwt.SigningMethodHS256.Sign(s, secret)
		if err != nil {
			t.Fatal(err)
		}
		return s + "." + enc.EncodeToString(sig)
	}
	for _, tc := range []struct {
		name   string
		id     Identity
		token  string
		reason string // empty: it holds
	}{
		{"HS256", shared, good, ""},
		{"EdDSA", pair, signedBy(t, jwt.SigningMethodEdDSA, private, maria(nil)), ""},
		{"EdDSA, the second key", pair, signedBy(t, jwt.SigningMethodEdDSA, secondKey, maria(nil)), ""},
		{"one audience of several", shared, hs(map[string]any{"aud": []string{"forum", "shop"}}), ""},
		{"the site's clock is behind", shared, hs(map[string]any{"exp": tokenTime.Add(-29 * time.Second).Unix()}), ""},
		{"the site's clock is ahead", shared, hs(map[string]any{"nbf": tokenTime.Add(29 * time.Second).Unix()}), ""},

		{"expired", shared, hs(map[string]any{"exp": tokenTime.Add(-31 * time.Second).Unix()}), "expired"},
		{"expired and for somebody else", shared, hs(map[string]any{"exp": 1, "aud": "forum"}), "expired"},
		{"another site's", shared, hs(map[string]any{"aud": "forum"}), "audience"},
		{"no audience", shared, hs(map[string]any{"aud": nil}), "claims"},
		{"no expiry", shared, hs(map[string]any{"exp": nil}), "claims"},
		{"expiry that is no time", shared, hs(map[string]any{"exp": "tomorrow"}), "claims"},
		{"not valid yet", shared, hs(map[string]any{"nbf": tokenTime.Add(time.Hour).Unix()}), "claims"},
		{"no sub", shared, hs(map[string]any{"sub": nil}), "claims"},
		{"empty sub", shared, hs(map[string]any{"sub": ""}), "claims"},
		{"sub is a number", shared, hs(map[string]any{"sub": 7}), "claims"},
		{"sub with a line end", shared, hs(map[string]any{"sub": "a\nb"}), "claims"},
		{"long name", shared, hs(map[string]any{"name": strings.Repeat("x", maxClaim+1)}), "claims"},
		{"many groups", shared, hs(map[string]any{"groups": slices.Repeat([]string{"g"}, maxGroups+1)}), "claims"},
		{"too long a token", shared, hs(map[string]any{"x": strings.Repeat("x", maxToken)}), "claims"},
		{"claims that are a list", shared, raw(`{"alg":"HS256"}`, `[]`), "claims"},

		{"another key", shared, signedBy(t, jwt.SigningMethodHS256, []byte("fedcba9876543210fedcba9876543210"), maria(nil)), "signature"},
		{"another key pair", pair, signedBy(t, jwt.SigningMethodEdDSA, stranger, maria(nil)), "signature"},
		{"changed claims", shared, parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"admin"}`)) + "." + parts[2], "signature"},
		{"signature cut off", shared, parts[0] + "." + parts[1] + ".", "signature"},
		{"alg none", shared, signedBy(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, maria(nil)), "signature"},
		{"alg none, key pair", pair, signedBy(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, maria(nil)), "signature"},
		{"HS384 with the secret", shared, signedBy(t, jwt.SigningMethodHS384, secret, maria(nil)), "signature"},
		{"HS256 with the public key as secret", pair, signedBy(t, jwt.SigningMethodHS256, []byte(public), maria(nil)), "signature"},
		{"EdDSA where there is a secret", shared, signedBy(t, jwt.SigningMethodEdDSA, private, maria(nil)), "signature"},
		{"no token at all", shared, "maria", "signature"},
		{"header that is no JSON", shared, raw(`{`, `{"sub":"x"}`), "signature"},
		{"padding", shared, good + "=", "signature"},
		{"a site without a key", Identity{Audience: "shop"}, good, "signature"},
		{"a site without a key, alg none", Identity{Audience: "shop"}, signedBy(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, maria(nil)), "signature"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := tc.id.verify(tc.token, tokenTime)
			var bad *tokenError
			switch {
			case tc.reason == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case tc.reason == "":
				if c.Sub != "c-1042" || c.Name != "Maria Lopez" || c.Email != "maria@example.org" || c.Phone != "+34 600" || !slices.Equal(c.Groups, []string{"billing", "gold"}) {
					t.Fatalf("claims are %+v", c)
				}
			case !errors.As(err, &bad):
				t.Fatalf("got %v, no refusal of the token", err)
			case bad.reason != tc.reason:
				t.Fatalf("refused for %s, want %s (%v)", bad.reason, tc.reason, err)
			case c.Sub != "" || c.Name != "":
				t.Fatalf("claims of a refused token came out: %+v", c)
			}
		})
	}
}

// TestTokenNames: what an agent is shown of a name can't pass for something else.
func TestTokenNames(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	id := Identity{HMACKey: secret, Audience: "shop"}
	token := signedBy(t, jwt.SigningMethodHS256, secret, maria(map[string]any{"name": "Ma\u202eria\n(verified)\x00", "groups": []string{"a\tb"}}))
	c, err := id.verify(token, tokenTime)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "Maria (verified)" || c.Groups[0] != "a b" {
		t.Errorf("name %q, groups %q", c.Name, c.Groups)
	}
}

func FuzzToken(f *testing.F) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	public, private := keyPair(1)
	ids := []Identity{
		{HMACKey: secret, Audience: "shop"}, {Ed25519: []ed25519.PublicKey{public}, Audience: "shop"},
		{HMACKey: secret, Ed25519: []ed25519.PublicKey{public}, Audience: "shop"}, {},
	}
	good := map[string]bool{}
	for _, s := range []string{signedBy(f, jwt.SigningMethodHS256, secret, maria(nil)), signedBy(f, jwt.SigningMethodEdDSA, private, maria(nil))} {
		good[s] = true
		f.Add(s)
	}
	f.Add(signedBy(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, maria(nil)))
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJIUzI1NiJ9.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		for _, id := range ids {
			c, err := id.verify(token, tokenTime)
			var bad *tokenError
			switch {
			case err == nil:
				if !good[token] {
					t.Fatalf("a token was taken that nobody has signed: %+v", c)
				}
			case !errors.As(err, &bad), !slices.Contains([]string{"expired", "audience", "signature", "claims"}, bad.reason):
				t.Fatalf("no typed refusal: %v", err)
			}
		}
	})
}

// FuzzClaims: whatever a site signs, what comes out is bounded and can be shown.
func FuzzClaims(f *testing.F) {
	secret := make([]byte, 32)
	rand.Read(secret)
	id := Identity{HMACKey: secret, Audience: "shop"}
	b, err := json.Marshal(maria(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	f.Add(`{"sub":"a","aud":["shop"],"exp":1e300}`)
	f.Add(`{"sub":"a","aud":"shop","exp":9e18,"groups":[null]}`)
	f.Fuzz(func(t *testing.T, body string) {
		s := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(body))
		sig, err := jwt.SigningMethodHS256.Sign(s, secret)
		if err != nil {
			t.Fatal(err)
		}
		c, err := id.verify(s+"."+base64.RawURLEncoding.EncodeToString(sig), tokenTime)
		if err != nil {
			return
		}
		if c.Sub == "" || len(c.Groups) > maxGroups {
			t.Fatalf("taken: %+v", c)
		}
		for _, s := range append([]string{c.Sub, c.Name, c.Email, c.Phone}, c.Groups...) {
			if len(s) > maxClaim || plain(s) != s {
				t.Fatalf("taken: %q", s)
			}
		}
	})
}
