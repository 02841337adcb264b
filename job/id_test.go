package job

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIDIsStable holds an id that running workflows have: a change of it would start the same job twice.
func TestIDIsStable(t *testing.T) {
	if got, want := IDOf("/data/out.jsonl"), "longhaul-out.jsonl-e08271958d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestIDsOfDifferentOutputsDiffer(t *testing.T) {
	path := rapid.StringMatching(`(/[ab.]{1,2}){1,3}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := path.Draw(t, "a"), path.Draw(t, "b")
		if (IDOf(a) == IDOf(b)) != (a == b) {
			t.Fatalf("%s is %s, %s is %s", a, IDOf(a), b, IDOf(b))
		}
	})
}
