package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Hook is a site's webhook.
type Hook struct {
	URL    string // http or https
	Secret []byte // signs each call
}

// signature is the value of the Usher-Signature header (docs/interface.md, C): the time is signed with the body, so that
// a call that somebody has recorded is refused when it is old.
func signature(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// post makes one call. Only a status of 2xx is success; a redirect is none, the call was signed for this address.
func post(ctx context.Context, client *http.Client, h Hook, at time.Time, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("notify: webhook: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "usher")
	r.Header.Set("Usher-Signature", signature(h.Secret, at, body))
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("notify: webhook: %w", err)
	}
	defer answer.Body.Close()
	// A short answer is read to its end, so that the connection can be used again; of a long one no more is wanted.
	_, _ = io.CopyN(io.Discard, answer.Body, 16<<10)
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("notify: webhook: status %d", answer.StatusCode)
	}
	return nil
}

// noRedirects has the client return a redirect as the answer that it is.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
