package stage

import (
	"context"
	"os"
	"sync"
	"testing"
)

// program is the binary, built once; TestMain removes it.
var program = sync.OnceValues(func() (string, error) {
	var err error
	if programDir, err = os.MkdirTemp("", "usher-bench-"); err != nil {
		return "", err
	}
	return Build(context.Background(), programDir)
})

var programDir string

func TestMain(m *testing.M) {
	status := m.Run()
	os.RemoveAll(programDir) // of "" too: nothing
	os.Exit(status)
}

// open sets a stage for the test.
func open(t *testing.T, o Options) *Stage {
	t.Helper()
	var err error
	if o.Bin, err = program(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
