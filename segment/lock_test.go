package segment_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/longhaul/longhaul/internal/fsys"
	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/segment"
)

type opened struct {
	w   *segment.Writer
	err error
}

// openWaiting begins an Open that finds the lock held. It returns once that Open waits; its end comes by the channel.
func openWaiting(ctx context.Context, t *testing.T, dir string, c job.Chunk) <-chan opened {
	t.Helper()
	waits := make(chan struct{}, 1)
	h := fsystest.Hooked(nil)
	h.Tried = func(ok bool) {
		if !ok {
			select {
			case waits <- struct{}{}:
			default:
			}
		}
	}
	end := make(chan opened, 1)
	go func() {
		w, err := segment.Open(ctx, h, dir, gen, c)
		end <- opened{w, err}
	}()
	select {
	case <-waits:
	case o := <-end:
		t.Fatalf("Open did not wait: %v", o.err)
	}
	return end
}

func TestOpenWaitsForTheFirstToClose(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(3)
	first := open(t, fsystest.Hooked(nil), dir, c)
	end := openWaiting(t.Context(), t, dir, c)
	must(t, first.Append(outcomes(1, 2)...)) // while the other waits
	must(t, first.Close())
	second := <-end
	must(t, second.err)
	wantMissing(t, second.w, 0)
	finish(t, second.w, ints(3))
	wantOutcomes(t, fsystest.Hooked(nil), dir, c)
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(3)
	first := open(t, fsystest.Hooked(nil), dir, c)
	ctx, cancel := context.WithCancel(t.Context())
	end := openWaiting(ctx, t, dir, c)
	cancel()
	if o := <-end; !errors.Is(o.err, context.Canceled) {
		t.Errorf("Open: %v, want %v", o.err, context.Canceled)
	}
	// The first is not disturbed.
	finish(t, first, ints(3))
	wantOutcomes(t, fsystest.Hooked(nil), dir, c)
}

// An append removes segments that it has passed. An Open that waited for such a file must not write to what has no name any more.
func TestOpenMakesANewFileWhereTheOneItWaitedForIsGone(t *testing.T) {
	tests := map[string]func(t *testing.T, name string){
		"removed": func(t *testing.T, name string) { must(t, os.Remove(name)) },
		"replaced": func(t *testing.T, name string) {
			put(t, name+".new", []byte("something else"))
			must(t, os.Rename(name+".new", name))
		},
	}
	for name, remove := range tests {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), chunkOf(3)
			first := open(t, fsystest.Hooked(nil), dir, c)
			must(t, first.Append(outcome(1)))
			end := openWaiting(t.Context(), t, dir, c)
			remove(t, path(dir, c))
			must(t, first.Close())
			second := <-end
			must(t, second.err)
			wantMissing(t, second.w, 0, 1, 2)
			finish(t, second.w, ints(3))
			wantOutcomes(t, fsystest.Hooked(nil), dir, c)
		})
	}
	t.Run("removed between opening and locking", func(t *testing.T) {
		dir, c := t.TempDir(), chunkOf(3)
		times := 0
		h := fsystest.Hooked(func(op, name string) error {
			if times++; op == "lock" && times < 10 {
				return os.Remove(filepath.Join(dir, name))
			}
			return nil
		})
		w := open(t, h, dir, c)
		if h.Handles() != 1 {
			t.Errorf("%d files are open, want one", h.Handles())
		}
		finish(t, w, ints(3))
		wantOutcomes(t, fsystest.Hooked(nil), dir, c)
	})
}

// A stranger's file gives way to a new one, of which there is one, whoever of those that waited for the stranger makes it.
func TestOpensThatReplaceAStrangersFileDoNotMeet(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(3)
	stranger, err := segment.Open(t.Context(), fsystest.Hooked(nil), dir, segment.Generation{15: 1}, c)
	must(t, err)
	must(t, stranger.Append(outcomes(0, 1, 2)...))
	a, b := openWaiting(t.Context(), t, dir, c), openWaiting(t.Context(), t, dir, c)
	must(t, stranger.Close())
	var first opened
	second := a
	select {
	case first = <-a:
		second = b
	case first = <-b:
	}
	must(t, first.err)
	wantMissing(t, first.w, 0, 1, 2)
	select {
	case <-second:
		t.Fatal("two write one segment")
	default:
	}
	finish(t, first.w, ints(3))
	last := <-second
	must(t, last.err)
	if !last.w.Sealed() {
		t.Error("the other did not find what the first wrote")
	}
	must(t, last.w.Close())
	wantOutcomes(t, fsystest.Hooked(nil), dir, c)
}

func TestOpenDoesNotWaitForOtherChunks(t *testing.T) {
	dir, c := t.TempDir(), chunkOf(3)
	next := c
	next.First = c.End()
	first, second := open(t, fsystest.Hooked(nil), dir, c), open(t, fsystest.Hooked(nil), dir, next)
	must(t, errors.Join(first.Close(), second.Close()))
}

func TestOpenSaysThatTheFolderIsMissing(t *testing.T) {
	_, err := segment.Open(t.Context(), fsystest.Hooked(nil), filepath.Join(t.TempDir(), "none"), gen, chunkOf(1))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestBusy(t *testing.T) {
	c := chunkOf(3)
	busy := func(t *testing.T, fs fsys.FS, dir string, want bool) {
		t.Helper()
		got, err := segment.Busy(fs, dir)
		must(t, err)
		if got != want {
			t.Errorf("busy: %v, want %v", got, want)
		}
	}
	t.Run("not without a folder", func(t *testing.T) {
		busy(t, fsystest.Hooked(nil), filepath.Join(t.TempDir(), "none"), false)
	})
	t.Run("not in an empty folder", func(t *testing.T) {
		busy(t, fsystest.Hooked(nil), t.TempDir(), false)
	})
	t.Run("while one of the segments is written", func(t *testing.T) {
		dir, later := t.TempDir(), c
		later.First = c.End()
		write(t, fsystest.Hooked(nil), dir, c, true, 0, 1, 2)
		w := open(t, fsystest.Hooked(nil), dir, later)
		busy(t, fsystest.Hooked(nil), dir, true)
		must(t, w.Close())
		busy(t, fsystest.Hooked(nil), dir, false)
	})
	t.Run("asking leaves no lock behind", func(t *testing.T) {
		dir, h := t.TempDir(), fsystest.Hooked(nil)
		write(t, fsystest.Hooked(nil), dir, c, false, 0)
		busy(t, h, dir, false)
		busy(t, h, dir, false)
		if n := h.Handles(); n != 0 {
			t.Errorf("%d files stayed open", n)
		}
	})
	t.Run("not by a segment that is removed meanwhile", func(t *testing.T) {
		dir := t.TempDir()
		write(t, fsystest.Hooked(nil), dir, c, false, 0)
		busy(t, fsystest.Hooked(func(op, name string) error {
			if op == "openwrite" {
				return os.Remove(filepath.Join(dir, name))
			}
			return nil
		}), dir, false)
	})
	t.Run("a lock that cannot be asked is an error", func(t *testing.T) {
		dir, boom := t.TempDir(), errors.New("boom")
		write(t, fsystest.Hooked(nil), dir, c, false, 0)
		hook, _ := fsystest.FailAt(0, boom, "lock")
		h := fsystest.Hooked(hook)
		if _, err := segment.Busy(h, dir); !errors.Is(err, boom) {
			t.Errorf("got %v, want %v", err, boom)
		}
		if n := h.Handles(); n != 0 {
			t.Errorf("%d files stayed open", n)
		}
	})
}
