package output_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/internal/fsys/fsystest"
	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

func TestAppendAddsAtThePosition(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	w.mustClaim(t, r)
	w.commit(t, r.Claim, "1", "!2")
	m := w.commit(t, r.Claim, "", "!4", "5")
	w.wantFiles(t, "1", "!2", "", "!4", "5")
	if want := (job.Position{Records: 5, InputOffset: 50, OutputBytes: 15, ErrorBytes: 6}); m.Position != want {
		t.Errorf("the output stands at %+v, want %+v", m.Position, want)
	}
	if want := (job.Totals{Failed: 2, Tries: 5, TaskMicros: 500}); m.Totals != want {
		t.Errorf("the totals are %+v, want %+v", m.Totals, want)
	}
	if string(encode(t, m)) != bytesOf(t, w.Dir()+"/manifest") {
		t.Error("what Commit answers is not what it stored")
	}
}

func TestAppendThatHappenedBeforeAnswersWhereTheOutputStands(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	from := w.mustClaim(t, r).Position
	stood := w.commit(t, r.Claim, "1", "!2")
	before := w.tree(t)
	synced := false
	a, m, err := w.through(fsystest.Hooked(func(op, name string) error {
		synced = synced || op == "syncdir" && strings.HasSuffix(name, ".longhaul")
		return nil
	})).Append(t.Context(), r.Claim, from)
	must(t, err)
	if a != nil {
		t.Fatal("an append began behind the position")
	}
	if m.Position != stood.Position || m.Totals != stood.Totals {
		t.Errorf("answered %+v, want %+v", m, stood)
	}
	if !maps.Equal(before, w.tree(t)) {
		t.Error("something changed")
	}
	// Who wrote that manifest may have died before it synced the folder, and the workflow goes on from the answer.
	if !synced {
		t.Error("the folder was not synced")
	}
	w.commit(t, r.Claim, "3") // the lock is free
}

func TestAppendRefusesAnOutputBehindTheWorkflow(t *testing.T) {
	here := job.Position{Records: 2, InputOffset: 20, OutputBytes: 7, ErrorBytes: 3}
	for name, edit := range map[string]func(*job.Position){
		"fewer records":      func(p *job.Position) { p.Records = 3 },
		"another offset":     func(p *job.Position) { p.InputOffset++ },
		"other output bytes": func(p *job.Position) { p.OutputBytes-- },
		"other error bytes":  func(p *job.Position) { p.ErrorBytes++ },
	} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			w.mustClaim(t, r)
			if m := w.commit(t, r.Claim, "1", "!2"); m.Position != here {
				t.Fatalf("the output stands at %+v", m.Position)
			}
			before, from := w.tree(t), here
			edit(&from)
			a, _, err := w.Append(t.Context(), r.Claim, from)
			if a != nil {
				t.Error("the append began")
			}
			wantKind(t, err, job.OutputChanged, w.path, "stands at record 2", "--overwrite")
			if !maps.Equal(before, w.tree(t)) {
				t.Error("something changed")
			}
		})
	}
}

func TestAppendRefusesARunThatLostTheClaim(t *testing.T) {
	w, r := newWorld(t), request("job", "run 1")
	from := w.mustClaim(t, r).Position
	w.mustClaim(t, request("job", "run 2"))
	before := w.tree(t)
	a, _, err := w.Append(t.Context(), r.Claim, from)
	if a != nil {
		t.Error("the append began")
	}
	wantKind(t, err, job.ClaimLost, w.path, "run run 2", `job "job"`)
	if !maps.Equal(before, w.tree(t)) {
		t.Error("something changed")
	}
	w.commit(t, claimOf("job", "run 2"), "1")
}

func TestAppendCutsWhatADeadOneLeft(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	w.mustClaim(t, r)
	w.commit(t, r.Claim, "1", "!2")
	put(t, w.path, bytesOf(t, w.path)+strings.Repeat("longer than what comes ", 10))
	put(t, w.Errors(), bytesOf(t, w.Errors())+"torn")
	w.commit(t, r.Claim, "3")
	w.wantFiles(t, "1", "!2", "3")
}

func TestUncommittedLinesDoNotCount(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	w.mustClaim(t, r)
	from := w.commit(t, r.Claim, "1", "!2").Position
	a, _, err := w.Append(t.Context(), r.Claim, from)
	must(t, err)
	big := strings.Repeat("x", 3<<20) // more than is buffered, so that it reaches the file
	_, err = fill(a, []string{"three", "!four", big, "!" + big})
	must(t, err)
	must(t, a.Close())
	if len(bytesOf(t, w.path)) < 1<<20 || len(bytesOf(t, w.Errors())) < 1<<20 {
		t.Fatal("this test is about lines that reached the files")
	}
	if m := w.mustLoad(t); m.Position != from {
		t.Errorf("the output stands at %+v, want %+v", m.Position, from)
	}
	w.commit(t, r.Claim, "3", "!4")
	w.wantFiles(t, "1", "!2", "3", "!4")
}

func TestCommitTwiceInOneAppend(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	from := w.mustClaim(t, r).Position
	a, _, err := w.Append(t.Context(), r.Claim, from)
	must(t, err)
	for n, lines := range [][]string{{"1", "!2"}, {"3", "!4"}} {
		totals, err := fill(a, lines)
		must(t, err)
		_, err = a.Commit(int64(2*n+2), int64(20*n+20), totals, false)
		must(t, err)
	}
	must(t, a.Close())
	w.wantFiles(t, "1", "!2", "3", "!4")
	if m := w.mustLoad(t); m.Totals != (job.Totals{Failed: 2, Tries: 4, TaskMicros: 400}) {
		t.Errorf("the totals are %+v", m.Totals)
	}
}

func TestCompleteIsWhatTheLastCommitSays(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	w.mustClaim(t, r)
	from := w.commit(t, r.Claim, "1").Position
	for range 2 { // the second is a retry of the first, which added no record
		a, _, err := w.Append(t.Context(), r.Claim, from)
		must(t, err)
		m, err := a.Commit(from.Records, from.InputOffset, job.Totals{}, true)
		must(t, err)
		must(t, a.Close())
		if !m.Complete || !w.mustLoad(t).Complete || m.Position != from {
			t.Errorf("complete: %v, position %+v; want true, %+v", m.Complete, m.Position, from)
		}
	}
	w.wantFiles(t, "1")
	next := request("job", "run 2")
	if m := w.mustClaim(t, next); !m.Complete {
		t.Error("a later claim finds it incomplete")
	}
}

// Data before the manifest that counts it, and the manifest's bytes before its name.
func TestCommitSyncsInOrder(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	from := w.mustClaim(t, r).Position
	var ops []string
	a, _, err := w.through(fsystest.Hooked(func(op, name string) error { ops = append(ops, op+" "+name); return nil })).Append(t.Context(), r.Claim, from)
	must(t, err)
	totals, err := fill(a, []string{"1", "!2"})
	must(t, err)
	ops = nil
	_, err = a.Commit(2, 20, totals, false)
	must(t, err)
	want := []string{
		"write out.jsonl", "sync out.jsonl", "write errors.jsonl", "sync errors.jsonl",
		"openwrite manifest.tmp", "truncate manifest.tmp", "write manifest.tmp", "sync manifest.tmp",
		"rename manifest", "syncdir out.jsonl.longhaul",
	}
	if !slices.Equal(ops, want) {
		t.Errorf("Commit made the calls\n%q, want\n%q", ops, want)
	}
	must(t, a.Close())
}

// What a dead append left may have been cut a moment ago, and must not come back beside a manifest that says complete.
func TestCommitSyncsFilesThatItAddsNothingTo(t *testing.T) {
	w, r := newWorld(t), request("job", "run")
	from := w.mustClaim(t, r).Position
	var synced []string
	a, _, err := w.through(fsystest.Hooked(func(op, name string) error {
		if op == "sync" {
			synced = append(synced, name)
		}
		return nil
	})).Append(t.Context(), r.Claim, from)
	must(t, err)
	_, err = a.Commit(0, 0, job.Totals{}, true)
	must(t, err)
	must(t, a.Close())
	if want := []string{"out.jsonl", "errors.jsonl", "manifest.tmp"}; !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}
}

func TestAppendAndClaimWaitForTheLock(t *testing.T) {
	second := map[string]func(context.Context, output.Output, output.ClaimRequest) (output.Manifest, error){
		"append": func(ctx context.Context, o output.Output, r output.ClaimRequest) (output.Manifest, error) {
			return appendLines(ctx, o, r.Claim, job.Position{}, []string{"1", "2"})
		},
		"claim": func(ctx context.Context, o output.Output, r output.ClaimRequest) (output.Manifest, error) {
			return o.Claim(ctx, r)
		},
	}
	for name, call := range second {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), request("job", "run")
			from := w.mustClaim(t, r).Position
			first, _, err := w.Append(t.Context(), r.Claim, from)
			must(t, err)

			ctx, cancel := context.WithCancel(t.Context())
			wait := begin(t, func(o output.Output) (output.Manifest, error) { return call(ctx, o, r) }, w)
			cancel()
			if e := <-wait; !errors.Is(e.err, context.Canceled) {
				t.Errorf("without its context: %v, want %v", e.err, context.Canceled)
			}

			wait = begin(t, func(o output.Output) (output.Manifest, error) { return call(t.Context(), o, r) }, w)
			totals, err := fill(first, []string{"1", "2"})
			must(t, err)
			m, err := first.Commit(2, 20, totals, false)
			must(t, err)
			must(t, first.Close())
			e := <-wait
			must(t, e.err)
			if e.m.Position != m.Position {
				t.Errorf("it found %+v, want what the first committed: %+v", e.m.Position, m.Position)
			}
			w.wantFiles(t, "1", "2")
		})
	}
}

type ended struct {
	m   output.Manifest
	err error
}

// begin makes a call that finds the lock held. It returns once the call waits; its end comes by the channel.
func begin(t tb, call func(output.Output) (output.Manifest, error), w world) <-chan ended {
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
	end := make(chan ended, 1)
	go func() {
		m, err := call(w.through(h))
		end <- ended{m, err}
	}()
	select {
	case <-waits:
	case e := <-end:
		t.Fatalf("it did not wait: %+v", e)
	}
	return end
}

// Many commits, each in an append of its own or several in one, some given up, add up to the lines in order and to their digest.
func TestAppendsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, r := newWorld(t), request("job", "run")
		w.mustClaim(t, r)
		var all []string
		for range rapid.IntRange(0, 6).Draw(t, "appends") {
			lines := make([]string, rapid.IntRange(0, 4).Draw(t, "lines"))
			for i := range lines {
				lines[i] = strings.Repeat(fmt.Sprint(len(all)+i), rapid.SampledFrom([]int{0, 1, 30, 70_000}).Draw(t, "length"))
				if rapid.Bool().Draw(t, "fails") {
					lines[i] = "!" + lines[i]
				}
			}
			if rapid.IntRange(0, 3).Draw(t, "give up") == 0 {
				a, _, err := w.Append(t.Context(), r.Claim, w.mustLoad(t).Position)
				must(t, err)
				_, err = fill(a, lines)
				must(t, err)
				must(t, a.Close())
				continue
			}
			w.commit(t, r.Claim, lines...)
			all = append(all, lines...)
			w.wantFiles(t, all...)
		}
		w.mustClaim(t, r)
		w.wantFiles(t, all...)
	})
}
