package files

import (
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"report.pdf":                       "report.pdf",
		"très cool.jpg":                    "très cool.jpg",
		"tre\u0300s.jpg":                   "très.jpg",
		"":                                 "file",
		".":                                "file",
		"..":                               "file",
		" . . ":                            "file",
		"../../etc/passwd":                 "_.._etc_passwd",
		`..\..\boot.ini`:                   "_.._boot.ini",
		"/etc/passwd":                      "_etc_passwd",
		".htaccess":                        "htaccess",
		"a.exe. ":                          "a.exe",
		"a\x00.txt":                        "a.txt",
		"a\r\nContent-Type: x.txt":         "a  Content-Type_ x.txt",
		"photo\u202egpj.exe":               "photogpj.exe", // reads photoexe.jpg with the override
		"a\u200b\ufeff\u2066b.txt":         "ab.txt",
		"a%2f..%2fb":                       "a_2f.._2fb",
		`a"b;c.txt`:                        "a_b_c.txt",
		"a\xffb.txt":                       "a_b.txt",
		"文件.png":                           "文件.png",
		"a\u3000b\tc.txt":                  "a b c.txt",
		strings.Repeat("ä", 100) + ".jpeg": strings.Repeat("ä", 77) + ".jpeg",
		strings.Repeat("x", 200):           strings.Repeat("x", 160),
	} {
		if got := CleanName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// FuzzCleanName: whatever somebody calls a file, the name is one that can stand in a path, a URL and a header.
func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"a.txt", "../x", "a\u202eb", "\u0301", strings.Repeat("é", 200), "a\xff", "con.txt", " .", "e\u0301\u0323.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := CleanName(s)
		if got == "" || got == "." || got == ".." || len(got) > maxName || !utf8.ValidString(got) || !norm.NFC.IsNormalString(got) ||
			strings.ContainsAny(got, "/\\\"%:;\x7f") || got != strings.Trim(got, " ") || strings.HasPrefix(got, ".") || strings.HasSuffix(got, ".") {
			t.Errorf("%q: %q", s, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q: has %U", s, r)
			}
		}
		if again := CleanName(got); again != got {
			t.Errorf("%q: %q, then %q", s, got, again)
		}
		if joined := filepath.Join("/base", got); filepath.Dir(joined) != "/base" || path.Base(joined) != got {
			t.Errorf("%q: leads to %s", s, joined)
		}
		if back, err := url.PathUnescape(url.PathEscape(got)); err != nil || back != got {
			t.Errorf("%q: %v", s, err)
		}
	})
}
