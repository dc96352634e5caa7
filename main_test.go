package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"usher/gateway"
)

func TestRun(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("listn: x\nws: {ping: 0s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args   string
		status int
		stdout string
		stderr []string // each is in it
	}{
		{"version", exitOK, "usher " + gateway.Version() + "\n", nil},
		{"help", exitOK, usage, nil},
		{"", exitUsage, "", []string{usage}},
		{"serve", exitUsage, "", []string{usage}},
		{"-config", exitUsage, "", []string{"flag needs an argument", usage}},
		{"serve -config x y", exitUsage, "", []string{usage}},
		{"-help", exitOK, "", []string{usage}},
		{"-nonsense", exitUsage, "", []string{"not defined: -nonsense"}},
		{"sreve", exitUsage, "", []string{`no command "sreve"`, usage}},
		{"check", exitUsage, "", []string{"usage: usher check"}},
		{"archive list", exitUsage, "", []string{"usage: usher archive -config FILE COMMAND"}},
		{"-config " + bad, exitUsage, "", []string{
			bad + ":1: listn: unknown key; did you mean listen?\n", bad + ":2: ws.ping: must be more than 0\n",
			bad + ":1: upstream: missing\n", bad + ":1: sites: missing\n"}},
		{"serve -config " + bad + ".none", exitUsage, "", []string{"bad.yaml.none: cannot be read: no such file or directory\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(strings.Fields(tt.args), &stdout, &stderr); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
			if stdout.String() != tt.stdout {
				t.Errorf("stdout %q, want %q", stdout.String(), tt.stdout)
			}
			for _, s := range tt.stderr {
				if !strings.Contains(stderr.String(), s) {
					t.Errorf("stderr lacks %q:\n%s", s, stderr.String())
				}
			}
			if tt.stderr == nil && stderr.Len() > 0 {
				t.Errorf("stderr %q", stderr.String())
			}
		})
	}
}
