package output_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// keptAs is the path at which a standard input is kept.
func (w world) keptAs(content string) string {
	sum := sha256.Sum256([]byte(content))
	return filepath.Join(w.Stdin(), hex.EncodeToString(sum[:]))
}

func (w world) wantStdin(t *testing.T, content string) {
	t.Helper()
	names, err := os.ReadDir(w.Stdin())
	if err != nil || len(names) != 1 {
		t.Fatalf("kept: %v, %v", names, err)
	}
	if got := bytesOf(t, w.keptAs(content)); got != content {
		t.Errorf("kept %q, want %q", got, content)
	}
}

// breaks is a reader that ends with an error.
type breaks struct{ io.Reader }

var errBroken = errors.New("broken pipe")

func (b breaks) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errBroken
	}
	return n, err
}

// begunWith is a world whose output was begun with a standard input.
func begunWith(t *testing.T, content string, complete bool) world {
	t.Helper()
	w, r := newWorld(t), request("job", "run")
	path, err := w.TakeStdin(t.Context(), strings.NewReader(content), false)
	must(t, err)
	r.Input = job.InputSet{{Path: path, Size: int64(len(content))}}
	w.mustClaim(t, r)
	if complete {
		a, _, err := w.Append(t.Context(), r.Claim, job.Position{})
		must(t, err)
		_, err = a.Commit(0, 0, job.Totals{}, true)
		must(t, err)
		must(t, a.Close())
		must(t, w.KeepStdin(nil))
	}
	return w
}

func TestStdinIsKeptWhole(t *testing.T) {
	for name, content := range map[string]string{"some": "a\nb\n", "nothing": "", "more than a buffer": strings.Repeat("x", 3<<20)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			path, err := w.TakeStdin(t.Context(), strings.NewReader(content), false)
			if err != nil || path != w.keptAs(content) {
				t.Fatalf("%s, %v", path, err)
			}
			w.wantStdin(t, content)
		})
	}
}

func TestStdinAgainGoesOn(t *testing.T) {
	for name, given := range map[string]func() io.Reader{
		"the same":   func() io.Reader { return strings.NewReader("a\n") },
		"nothing":    func() io.Reader { return strings.NewReader("") },
		"a terminal": func() io.Reader { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			for state, complete := range map[string]bool{"unfinished": false, "complete": true} {
				w := begunWith(t, "a\n", complete)
				path, err := w.TakeStdin(t.Context(), given(), false)
				if err != nil || path != w.keptAs("a\n") {
					t.Errorf("%s: %s, %v", state, path, err)
				}
				if !complete {
					w.wantStdin(t, "a\n")
				}
			}
		})
	}
}

func TestAnotherStdinIsRefused(t *testing.T) {
	for state, complete := range map[string]bool{"unfinished": false, "complete": true} {
		t.Run(state, func(t *testing.T) {
			w := begunWith(t, "a\n", complete)
			before := w.tree(t)
			_, err := w.TakeStdin(t.Context(), strings.NewReader("b\n"), false)
			wantKind(t, err, job.InputChanged, "-", w.path, "--overwrite")
			if !complete {
				w.wantStdin(t, "a\n")
			}
			for path, was := range before {
				if is := w.tree(t)[path]; is != was {
					t.Errorf("%s changed", path)
				}
			}
			path, err := w.TakeStdin(t.Context(), strings.NewReader("b\n"), true)
			if err != nil || path != w.keptAs("b\n") {
				t.Errorf("overwrite: %s, %v", path, err)
			}
			must(t, w.KeepStdin(job.InputSet{{Path: path}}))
			w.wantStdin(t, "b\n")
		})
	}
}

// TestHalfAStdinIsNotTaken: it broke, or its reader was killed, and then nothing comes.
func TestHalfAStdinIsNotTaken(t *testing.T) {
	for name, half := range map[string]func(t *testing.T, w world){
		"broke": func(t *testing.T, w world) {
			if _, err := w.TakeStdin(t.Context(), breaks{strings.NewReader("a\n")}, false); !errors.Is(err, errBroken) {
				t.Fatalf("got %v", err)
			}
		},
		"killed": func(t *testing.T, w world) {
			must(t, os.MkdirAll(w.Stdin(), 0o700))
			put(t, filepath.Join(w.Stdin(), "partial"), "a\n")
		},
		"canceled": func(t *testing.T, w world) {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := w.TakeStdin(ctx, io.MultiReader(strings.NewReader("a\n"), readerFunc(func([]byte) (int, error) { cancel(); return 0, nil })), false)
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			half(t, w)
			for _, r := range []io.Reader{strings.NewReader(""), nil} {
				if path, err := w.TakeStdin(t.Context(), r, false); !errors.Is(err, output.ErrNoStdin) {
					t.Errorf("taken: %s, %v", path, err)
				}
			}
			path, err := w.TakeStdin(t.Context(), strings.NewReader("b"), false)
			if err != nil || path != w.keptAs("b") {
				t.Errorf("given again: %s, %v", path, err)
			}
			w.wantStdin(t, "b")
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestATerminalIsNoInput(t *testing.T) {
	if path, err := newWorld(t).TakeStdin(t.Context(), nil, false); !errors.Is(err, output.ErrNoStdin) {
		t.Errorf("taken: %s, %v", path, err)
	}
}

func TestStdinIsRefusedBeforeItIsRead(t *testing.T) {
	unread := readerFunc(func([]byte) (int, error) { t.Error("it was read"); return 0, io.EOF })
	t.Run("a foreign output", func(t *testing.T) {
		w := newWorld(t)
		put(t, w.path, "not longhaul's\n")
		_, err := w.TakeStdin(t.Context(), unread, false)
		wantKind(t, err, job.OutputExists, w.path)
		if _, err := os.Stat(w.Dir()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("something was made: %v", err)
		}
	})
	t.Run("an output of another input", func(t *testing.T) {
		w := newWorld(t)
		w.mustClaim(t, request("job", "run"))
		_, err := w.TakeStdin(t.Context(), unread, false)
		wantKind(t, err, job.InputChanged, w.path, "/in.jsonl", "--overwrite")
	})
	t.Run("while another reads", func(t *testing.T) {
		w := newWorld(t)
		reading, release, ended := make(chan struct{}), make(chan struct{}), make(chan error)
		go func() {
			first := true
			_, err := w.TakeStdin(t.Context(), readerFunc(func(b []byte) (int, error) {
				if !first {
					return 0, io.EOF
				}
				first = false
				close(reading)
				<-release
				return copy(b, "a\n"), nil
			}), false)
			ended <- err
		}()
		<-reading
		_, err := w.TakeStdin(t.Context(), unread, false)
		wantKind(t, err, job.OutputClaimed, "-", w.path)
		must(t, w.KeepStdin(nil)) // which leaves alone what is being read
		close(release)
		must(t, <-ended)
		w.wantStdin(t, "a\n")
	})
}
