package fsys_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/internal/fsys"
)

// fate draws what becomes of each unsynced piece when the power fails: all lost, all kept, or each by itself.
func fate(t *rapid.T) func() bool {
	switch rapid.IntRange(0, 3).Draw(t, "fate of what was not synced") {
	case 0:
		return func() bool { return false }
	case 1:
		return func() bool { return true }
	}
	return func() bool { return rapid.Bool().Draw(t, "kept") }
}

// crash ends the run of a scenario: the process dies, or the whole machine is without power.
func crash(t *rapid.T, p *powerFS) (powerless bool) {
	powerless = rapid.Bool().Draw(t, "power")
	p.boot(powerless, fate(t))
	return powerless
}

func contentOf(t *rapid.T, p *powerFS, name string) string {
	f, err := p.Open(name)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	size, _ := f.Size()
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatalf("read: %v", err)
	}
	return string(b)
}

// The file system of these tests must be one that would show what it is there for.
func TestPowerFSLosesWhatWasNotSynced(t *testing.T) {
	p := newPowerFS("/data")
	lost, kept := func() bool { return false }, func() bool { return true }
	named := func(name string) bool { _, err := p.Stat(name); return err == nil }
	make := func(name string) fsys.File {
		f, err := p.OpenWrite(name, true, 0)
		must(t, err)
		_, err = f.WriteAt([]byte("abcdef"), 0)
		must(t, err)
		return f
	}
	must(t, make("/data/nameless").Sync())
	p.boot(true, lost)
	if named("/data/nameless") {
		t.Error("a file survived whose folder was not synced")
	}
	make("/data/empty")
	must(t, p.SyncDir("/data"))
	p.boot(true, lost)
	if fi, err := p.Stat("/data/empty"); err != nil || fi.Size() != 0 {
		t.Error("bytes survived that were not synced, or their file did not")
	}
	must(t, make("/data/whole").Sync())
	must(t, p.SyncDir("/data"))
	must(t, p.Rename("/data/whole", "/data/moved"))
	p.boot(true, lost)
	if fi, err := p.Stat("/data/whole"); err != nil || fi.Size() != 6 || named("/data/moved") {
		t.Error("what was synced did not survive as it was")
	}
	must(t, p.Rename("/data/whole", "/data/moved"))
	p.boot(true, kept)
	if !named("/data/moved") || named("/data/whole") {
		t.Error("a rename did not survive that the disk had taken")
	}
	p.left = 0
	if _, err := p.OpenWrite("/data/new", true, 0); !errors.Is(err, errPower) {
		t.Errorf("without power: %v", err)
	}
}

func TestWriteFileOutlivesAPowerLossAtAnyCall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPowerFS("/data")
		safe, tried := "", "" // what WriteFile answered for, and what it may have done beside
		for _, content := range rapid.SliceOfN(rapid.StringN(1, 20, -1), 1, 8).Draw(t, "contents") {
			p.left = rapid.IntRange(-1, 8).Draw(t, "calls until the failure")
			tried = content
			if err := fsys.WriteFile(p, "/data/file", []byte(content), 0o600); err == nil {
				safe = content
			} else if !errors.Is(err, errPower) {
				t.Fatalf("got %v", err)
			}
			p.boot(true, fate(t)) // a loss at every step: what a mere death leaves, a later loss may take
			if _, err := p.Stat("/data/file"); err != nil && safe == "" {
				continue
			}
			if got := contentOf(t, p, "/data/file"); got != safe && got != tried {
				t.Fatalf("the file holds %q, want %q or %q", got, safe, tried)
			} else {
				safe = got
			}
		}
	})
}
