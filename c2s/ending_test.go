package c2s

import (
	"regexp"
	"testing"
)

func TestReasons(t *testing.T) {
	seen := map[string]Reason{}
	for _, r := range Reasons() {
		name := r.String()
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(name) {
			t.Errorf("%d: %q is no label", r, name)
		}
		if other, twice := seen[name]; twice {
			t.Errorf("%d and %d are both %q", other, r, name)
		}
		seen[name] = r
	}
	for r, want := range map[Reason]string{
		Unknown: "unknown", Overflow: "overflow", HostUnknown: "host-unknown",
		Shutdown: "shutdown", Internal: "internal", numReasons: "unknown", 255: "unknown",
	} {
		if r.String() != want {
			t.Errorf("%d: %q, want %q", r, r, want)
		}
	}
}

func TestReasonOfCondition(t *testing.T) {
	for condition, want := range map[string]Reason{
		"host-unknown": HostUnknown, "policy-violation": PolicyViolation, "resource-constraint": ResourceLimit,
		"system-shutdown": Shutdown, "not-well-formed": BadXML, "restricted-xml": BadXML,
		"internal-server-error": Internal, "bad-format": BadFraming, "invalid-xml": BadFraming,
	} {
		if got := reasonOf(condition, BadFraming); got != want {
			t.Errorf("%s: %v, want %v", condition, got, want)
		}
	}
}
