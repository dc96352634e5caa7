package gateway

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	tests := map[string]time.Duration{
		"0": 0, "0s": 0, "500ms": 500 * time.Millisecond, "1h30m": 90 * time.Minute, "7d": 7 * day, "1d12h": 36 * time.Hour,
		"0.5d": 12 * time.Hour, "365d": 365 * day,
	}
	for s, want := range tests {
		if got, err := parseDuration(s); err != nil || got != want {
			t.Errorf("%q = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "5", "d", "-1d", "1d2", "1e3d", "1d1d", "x", "99999999d", "1d2562047h47m"} {
		if got, err := parseDuration(s); err == nil {
			t.Errorf("%q is taken for %v", s, got)
		}
	}
}

func TestSize(t *testing.T) {
	tests := map[string]Size{"0": 0, "17": 17, "64KiB": 65536, "1.5MiB": 3 << 19, "1GiB": 1 << 30, "10kB": 10000, "2MB": 2e6, "1GB": 1e9, "12B": 12}
	for s, want := range tests {
		var got Size
		if err := got.UnmarshalText([]byte(s)); err != nil || got != want {
			t.Errorf("%q = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "KiB", "-1", "64 KiB", "64kib", "1e3", "0x10", "1_000", "0.3KiB", "9999999GiB", "1.2.3"} {
		var got Size
		if err := got.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is taken for %d", s, got)
		}
	}
}

func TestRate(t *testing.T) {
	tests := map[string]Rate{
		"0": {}, "0/s": {}, "20/s": {20, 20}, "20/s,60": {20, 60}, "60/min,20": {1, 20}, "60/min, 20": {1, 20},
		"300/min,100": {5, 100}, "3600/h": {1, 3600}, "0.5/s": {0.5, 1}, "64KiB/s": {65536, 65536}, "64KiB/s,1MiB": {65536, 1 << 20},
	}
	for s, want := range tests {
		var got Rate
		if err := got.UnmarshalText([]byte(s)); err != nil || got != want {
			t.Errorf("%q = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "20", "20/", "/s", "20/m", "20/s,", "20/s,0", "20/s,0.5", "-1/s", "20/s,1,2"} {
		var got Rate
		if err := got.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is taken for %v", s, got)
		}
	}
}

func TestOrigin(t *testing.T) {
	tests := []struct {
		entry    string
		yes, not []string
	}{
		{"*", []string{"", "null", "https://a.example", "moz-extension://x"}, nil},
		{"https://Shop.Example", []string{"https://shop.example"},
			[]string{"", "null", "http://shop.example", "https://shop.example:8443", "https://a.shop.example", "https://shop.example.evil", "https://xshop.example"}},
		{"https://shop.example:443", []string{"https://shop.example"}, nil},
		{"http://localhost:8090", []string{"http://localhost:8090"}, []string{"http://localhost", "https://localhost:8090"}},
		{"https://*.example.com", []string{"https://a.example.com", "https://a.b.example.com"},
			[]string{"https://example.com", "https://.example.com", "https://aexample.com", "http://a.example.com", "https://a.example.com.evil", "https://a.example.com:1"}},
		{"http://[::1]:8080", []string{"http://[::1]:8080"}, []string{"http://[::1]"}},
	}
	for _, tt := range tests {
		var o Origin
		if err := o.UnmarshalText([]byte(tt.entry)); err != nil {
			t.Errorf("%q: %v", tt.entry, err)
			continue
		}
		for _, s := range tt.yes {
			if !o.Match(s) {
				t.Errorf("%q doesn't allow %q", tt.entry, s)
			}
		}
		for _, s := range tt.not {
			if o.Match(s) {
				t.Errorf("%q allows %q", tt.entry, s)
			}
		}
	}
	for _, s := range []string{"", "shop.example", "https://", "https://shop.example/", "https://shop.example/x", "ftp://a", "https://a?b", "https://u@a",
		"https://a:0", "https://a:99999", "https://a:", "https://*", "https://a.*.example", "https://bücher.example", "null"} {
		var o Origin
		if err := o.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is taken for %+v", s, o)
		}
	}
}

func TestAllow(t *testing.T) {
	tests := map[string]Allow{
		"visitors": {Visitors: true}, "Rooms.Example": {Domain: "rooms.example"}, "a@b.example": {Local: "a", Domain: "b.example"},
		"*@B.example": {Local: "*", Domain: "b.example"}, "visitors@x": {Local: "visitors", Domain: "x"},
	}
	for s, want := range tests {
		var got Allow
		if err := got.UnmarshalText([]byte(s)); err != nil || got != want {
			t.Errorf("%q = %+v, %v, want %+v", s, got, err, want)
		}
	}
}

func TestListen(t *testing.T) {
	tests := map[string]Listen{
		"127.0.0.1:80": {"tcp", "127.0.0.1:80"}, "[::1]:0": {"tcp", "[::1]:0"}, ":8080": {"tcp", ":8080"}, "localhost:1": {"tcp", "localhost:1"},
		"unix:/run/x.sock": {"unix", "/run/x.sock"}, "unix:x": {"unix", "x"}, "systemd:web": {"systemd", "web"},
	}
	for s, want := range tests {
		var got Listen
		if err := got.UnmarshalText([]byte(s)); err != nil || got != want {
			t.Errorf("%q = %+v, %v, want %+v", s, got, err, want)
		} else if got.String() != s {
			t.Errorf("%q prints as %q", s, got)
		}
	}
	for _, s := range []string{"", "80", "localhost", "a b:1", "http://x:80", "x:http", "x:70000", "systemd:", "unix:"} {
		var got Listen
		if err := got.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is taken for %+v", s, got)
		}
	}
}
