package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"usher/xmpp/xmpptest"
)

// checked runs `usher check -json`.
func checked(t *testing.T, path string) (int, *CheckReport) {
	t.Helper()
	var out, errs bytes.Buffer
	status := CheckCommand(t.Context(), []string{"-config", path, "-json"}, &out, &errs)
	var r CheckReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s%s", err, &out, &errs)
	}
	return status, &r
}

// checkConfig writes a configuration of Usher for a server at an address.
func checkConfig(t *testing.T, server, address, more string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.yaml")
	text := `listen: 127.0.0.1:1
admin: unix:` + filepath.Join(t.TempDir(), "admin.sock") + `
archive: {path: ` + filepath.Join(t.TempDir(), "usher.db") + `}
upstream:
  server: ` + server + `
  address: ` + address + `
  components: [{domain: visitors.localhost, secret: "s3cret"}, {domain: more.localhost, secret: "0ther"}]
  rooms: conference.localhost
sites:
  - name: shop
    domain: visitors.localhost
    workgroups: [{name: support, agents: [alice@localhost]}]
` + more
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stockServer is a server as Debian installs it: its own configuration, but for ports and folders.
type stockServer struct {
	kind, dir, config string
	c2s, component    int
	cmd               *exec.Cmd
}

// newStock reads the installed configuration.
func newStock(t *testing.T, kind, path string) *stockServer {
	stock, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("the stock configuration can't be read: %v", err)
	}
	s := &stockServer{kind: kind, dir: t.TempDir()}
	port := func() int {
		p, err := xmpptest.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	s.c2s, s.component = port(), port()
	text := string(stock)
	switch kind {
	case "prosody":
		os.MkdirAll(filepath.Join(s.dir, "data"), 0o755)
		os.MkdirAll(filepath.Join(s.dir, "conf.d"), 0o755)
		text = strings.NewReplacer("/run/prosody/", s.dir+"/", "/var/log/prosody/", s.dir+"/", `"conf.d/`, `"`+s.dir+`/conf.d/`).Replace(text)
		// Where it runs, not what it does: above everything, so that nothing of it is below a host.
		text = fmt.Sprintf("run_as_root = true; data_path = %q; interfaces = { \"127.0.0.1\" }; c2s_ports = { %d }; s2s_ports = {}; http_ports = {}; https_ports = {}\n",
			s.dir+"/data", s.c2s) + text
	case "ejabberd":
		text = regexp.MustCompile(`port: 5222`).ReplaceAllString(text, fmt.Sprintf("port: %d", s.c2s))
		text = regexp.MustCompile(`port: (5223|5269|5443|5280|3478|1883)\b`).ReplaceAllStringFunc(text, func(string) string { return fmt.Sprintf("port: %d", port()) })
		text = strings.ReplaceAll(text, `"::"`, `"127.0.0.1"`)
	}
	s.config = text
	t.Cleanup(s.stop)
	return s
}

// start has the server read its configuration.
func (s *stockServer) start(t *testing.T) {
	t.Helper()
	s.stop()
	file := filepath.Join(s.dir, map[string]string{"prosody": "prosody.cfg.lua", "ejabberd": "ejabberd.yml"}[s.kind])
	if err := os.WriteFile(file, []byte(s.config), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.kind == "prosody" {
		s.cmd = exec.Command("prosody", "-F", "--config", file)
	} else {
		apps, _ := filepath.Glob("/usr/lib/*/ejabberd-*/ebin/ejabberd.app")
		if len(apps) == 0 {
			t.Fatal("ejabberd is not installed")
		}
		s.cmd = exec.Command("erl", "+K", "true", "-noinput", "-mnesia", "dir", fmt.Sprintf("%q", filepath.Join(s.dir, "spool")), "-s", "ejabberd")
		s.cmd.Env = append(os.Environ(), "HOME="+s.dir, "ERL_LIBS="+filepath.Dir(filepath.Dir(filepath.Dir(apps[0]))), "ERL_CRASH_DUMP_BYTES=0",
			"EJABBERD_CONFIG_PATH="+file, "EJABBERD_LOG_PATH="+filepath.Join(s.dir, "ejabberd.log"))
	}
	s.cmd.Dir = s.dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log bytes.Buffer
	s.cmd.Stdout, s.cmd.Stderr = &log, &log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, port := range []int{s.c2s, s.component} {
		if !strings.Contains(s.config, fmt.Sprint(port)) {
			continue // it isn't told yet to listen there
		}
		eventually(t, s.kind+" is up", func() bool {
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
	}
}

func (s *stockServer) stop() {
	if s.cmd != nil {
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		s.cmd.Wait()
		s.cmd = nil
	}
}

// apply makes a change, word for word.
func (s *stockServer) apply(t *testing.T, c Change, secrets map[string]string) {
	t.Helper()
	text := c.Text
	for domain, secret := range secrets { // each component's own
		at := strings.Index(text, domain)
		if at < 0 {
			continue
		}
		text = text[:at] + strings.Replace(text[at:], "SECRET", secret, 1)
	}
	switch c.Do {
	case "append":
		s.config += "\n" + text
	case "below":
		if strings.Count("\n"+s.config, "\n"+c.Find+"\n") != 1 {
			t.Fatalf("the line %q isn't in the configuration once", c.Find)
		}
		s.config = strings.Replace("\n"+s.config, "\n"+c.Find+"\n", "\n"+c.Find+"\n"+text, 1)
	case "replace":
		if strings.Count(s.config, c.Find) != 1 {
			t.Fatalf("the lines %q aren't in the configuration once", c.Find)
		}
		s.config = strings.Replace(s.config, c.Find, text, 1)
	default:
		t.Fatalf("this can't be applied by the letter: %+v", c)
	}
}

// TestCheckAdvice applies what `usher check` says, word for word, to the configuration that Debian installs, until all is well.
func TestCheckAdvice(t *testing.T) {
	for kind, path := range map[string]string{"prosody": "/etc/prosody/prosody.cfg.lua", "ejabberd": "/usr/share/ejabberd/ejabberd.yml.example"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStock(t, kind, path)
			config := checkConfig(t, kind, fmt.Sprintf("127.0.0.1:%d", s.component), "")
			var told []string
			for round := range 4 {
				s.start(t)
				status, report := checked(t, config)
				if status == checkGreen {
					if round == 0 {
						t.Fatal("the stock configuration lets Usher in already: nothing is shown")
					}
					if report.Server.Kind != kind || report.Server.Version == "" {
						t.Errorf("the server is taken for %+v", report.Server)
					}
					return
				}
				done := map[string]bool{}
				for _, f := range report.Findings {
					told = append(told, f.Level+" "+f.About+": "+f.Text)
					for _, c := range f.Changes {
						if !c.Proven {
							t.Errorf("not marked as proven: %+v", c)
						}
						if key := c.Do + c.Find + c.Text; !done[key] { // two links that fail alike have the same cure
							done[key] = true
							s.apply(t, c, map[string]string{"visitors.localhost": "s3cret", "more.localhost": "0ther"})
						}
					}
				}
				if len(done) == 0 {
					t.Fatalf("no advice:\n%s", strings.Join(told, "\n"))
				}
			}
			t.Fatalf("the advice doesn't help:\n%s", strings.Join(told, "\n"))
		})
	}
}
