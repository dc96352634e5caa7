package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/xmpp/xmpptest"
)

// keyPair writes a certificate for localhost, which is its own authority, and its key; both files are PEM.
func keyPair(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "c.pem"), filepath.Join(t.TempDir(), "k.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// STARTTLS to a real server: the right authority and name, and each of them wrong; a server that offers none isn't spoken to.
func TestAccountStartTLS(t *testing.T) {
	cert, key := keyPair(t, "localhost")
	foreign, _ := keyPair(t, "localhost")
	plain := xmpptest.RunProsody(t, xmpptest.ServerOptions{Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}}})
	secure := xmpptest.RunProsody(t, xmpptest.ServerOptions{
		Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}},
		Extra:      fmt.Sprintf("modules_disabled = { \"s2s\" }; modules_enabled = { \"disco\", \"roster\", \"saslauth\", \"tls\" }; ssl = { certificate = %q; key = %q }; c2s_require_encryption = true", cert, key),
	})
	for name, tc := range map[string]struct {
		server *xmpptest.Server
		keys   string
		ok     bool
	}{
		"good":              {secure, "ca_file: " + cert, true},
		"unknown authority": {secure, "ca_file: " + foreign, false},
		"wrong name":        {secure, "server_name: other.example, ca_file: " + cert, false},
		"downgrade":         {plain, "ca_file: " + cert, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := startEdge(t, strings.Replace(edgeConfig(tc.server.ComponentAddr(), ""), "  rooms: conference.localhost\n",
				"  rooms: conference.localhost\n  accounts: [{domain: localhost, address: \""+tc.server.C2SAddr()+"\", "+tc.keys+"}]\n", 1))
			c := g.account(t, "")
			open := strings.Replace(openAccounts, "acc.example", "localhost", 1)
			if !tc.ok {
				c.says(open, "<open", "<remote-connection-failed", "<close")
				return
			}
			c.says(open, "<open", "<mechanism>PLAIN</mechanism>")
			c.says(authWith(base64.StdEncoding.EncodeToString([]byte("\x00alice\x00pw-alice"))), "<success")
			c.says(open, "<open", "<bind")
			c.says("<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "<jid>alice@localhost/")
		})
	}
}
