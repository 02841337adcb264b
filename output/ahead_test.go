package output_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/output"
)

// asTheyCome is a job's claim in the order of completion.
func asTheyCome(run string) output.ClaimRequest {
	r := request("job", run)
	r.Spec.Order = job.OrderCompletion
	return r
}

// chunkOf is a chunk of so many records, of ten input bytes each.
func chunkOf(first int64, records int) job.Chunk {
	return job.Chunk{First: first, Records: records, Offset: 10 * first, Length: int64(10 * records)}
}

// commitAhead appends chunks, each record's line its number, and the errors line too where that is odd.
func (w world) commitAhead(t tb, r output.ClaimRequest, from job.Position, final bool, chunks ...job.Chunk) (output.Manifest, error) {
	t.Helper()
	a, m, err := w.Append(t.Context(), r.Claim, from)
	if a == nil || err != nil {
		return m, err
	}
	defer func() { must(t, a.Close()) }()
	totals, err := fill(a, linesOf(chunks...))
	must(t, err)
	return a.CommitAhead(chunks, totals, final)
}

func linesOf(chunks ...job.Chunk) (lines []string) {
	for _, c := range chunks {
		for i := c.First; i < c.End(); i++ {
			line := fmt.Sprint(i)
			if i%2 == 1 {
				line = "!" + line
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// TestChunksAreCommittedInAnyOrder appends the chunks of an input in any order, a few at once, with claims, retries and verifications between.
func TestChunksAreCommittedInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, r := newWorld(t), asTheyCome("run")
		m := w.mustClaim(t, r)
		var chunks []job.Chunk
		records := int64(0)
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 4), 1, 8).Draw(t, "chunks") {
			chunks = append(chunks, chunkOf(records, n))
			records += int64(n)
		}
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0)).Shuffle(len(chunks), func(i, j int) { chunks[i], chunks[j] = chunks[j], chunks[i] })
		var want []string
		done := int64(0)
		for len(chunks) > 0 {
			n := rapid.IntRange(1, len(chunks)).Draw(t, "at once")
			now := chunks[:n]
			chunks = chunks[n:]
			from := m.Position
			var err error
			m, err = w.commitAhead(t, r, from, len(chunks) == 0, now...)
			must(t, err)
			again, err := w.commitAhead(t, r, from, len(chunks) == 0, now...) // as after a death before the answer
			must(t, err)
			if again.Position != m.Position || again.Complete != m.Complete {
				t.Fatalf("%+v again, %+v before", again, m)
			}
			want = append(want, linesOf(now...)...)
			for _, c := range now {
				done += int64(c.Records)
				if !m.Committed(c) {
					t.Fatalf("%s is not committed: %+v", c, m)
				}
			}
			for _, c := range chunks {
				if m.Committed(c) {
					t.Fatalf("%s is committed: %+v", c, m)
				}
			}
			if m.Answered() != done || m.Totals.Tries != done || m.Complete != (len(chunks) == 0) {
				t.Fatalf("%+v after %d records", m, done)
			}
			if rapid.Bool().Draw(t, "claim") {
				if m = w.mustClaim(t, r); m.Answered() != done {
					t.Fatalf("claimed at %+v after %d records", m, done)
				}
			}
			v, err := w.Verify(t.Context())
			must(t, err)
			if v.Answered() != done {
				t.Fatalf("verified %d records of %d", v.Answered(), done)
			}
			out, errs := contents(want...)
			if bytesOf(t, w.path) != out || bytesOf(t, w.Errors()) != errs {
				t.Fatalf("output %q, want %q", bytesOf(t, w.path), out)
			}
		}
		if m.Position.Records != records || m.Position.InputOffset != 10*records || len(m.Ahead) > 0 {
			t.Fatalf("ended at %+v", m)
		}
	})
}

func TestACommitAheadIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		chunks []job.Chunk
		final  bool
		want   string
	}{
		"of what the position has passed":   {[]job.Chunk{chunkOf(1, 1)}, false, "record 1 overlap with what is committed"},
		"of what is committed ahead":        {[]job.Chunk{chunkOf(4, 2)}, false, "records 4 to 5 overlap with what is committed"},
		"of some of that":                   {[]job.Chunk{chunkOf(3, 2)}, false, "records 3 to 4 overlap with what is committed"},
		"of the same twice":                 {[]job.Chunk{chunkOf(8, 2), chunkOf(9, 1)}, false, "record 9 overlap with what is committed"},
		"as the last, with some unanswered": {[]job.Chunk{chunkOf(8, 2)}, true, "complete, with record 2 unanswered"},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t), asTheyCome("run")
			m, err := w.commitAhead(t, r, w.mustClaim(t, r).Position, false, chunkOf(0, 2), chunkOf(4, 2))
			must(t, err)
			before := bytesOf(t, w.Dir()+"/manifest")
			if _, err = w.commitAhead(t, r, m.Position, c.final, c.chunks...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if bytesOf(t, w.Dir()+"/manifest") != before {
				t.Error("the manifest was changed")
			}
		})
	}
}

// An append from a position before what the workflow had reached is none that happened before, but an output that was put back.
func TestAppendAheadRefusesAnOutputBehindTheWorkflow(t *testing.T) {
	w, r := newWorld(t), asTheyCome("run")
	m, err := w.commitAhead(t, r, w.mustClaim(t, r).Position, false, chunkOf(4, 2))
	must(t, err)
	before := w.tree(t)
	from := m.Position
	from.OutputBytes++
	_, err = w.commitAhead(t, r, from, false, chunkOf(0, 2))
	wantKind(t, err, job.OutputChanged, w.path, "--overwrite")
	if !maps.Equal(before, w.tree(t)) {
		t.Error("something changed")
	}
}

func TestAnotherOrderIsRefused(t *testing.T) {
	w := newWorld(t)
	w.mustClaim(t, asTheyCome("run"))
	_, err := w.Claim(t.Context(), request("job", "run 2"))
	wantKind(t, err, job.SpecChanged, w.path, "its order is completion, not input")
}
