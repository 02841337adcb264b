package job

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestAheadIsTheChunksAdded adds the chunks of an input in any order, and takes a position along: at each moment it covers what was added, in as few spans as
// there can be.
func TestAheadIsTheChunksAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var chunks []Chunk
		next, offset := rapid.Int64Range(0, 5).Draw(t, "first"), rapid.Int64Range(0, 50).Draw(t, "offset")
		begin := Position{Records: next, InputOffset: offset}
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 4), 1, 12).Draw(t, "sizes") {
			offset += rapid.Int64Range(0, 3).Draw(t, "skipped")
			c := Chunk{First: next, Records: n, Offset: offset, Length: int64(10 * n)}
			chunks = append(chunks, c)
			next, offset = c.End(), c.EndOffset()
		}
		order := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0)).Perm(len(chunks))
		p, ahead, added := begin, Ahead(nil), map[int64]bool{}
		for _, i := range order {
			c := chunks[i]
			if ahead.Has(c) || ahead.Overlaps(c) {
				t.Fatalf("%s is there before it was added: %v", c, ahead)
			}
			before := append(Ahead(nil), ahead...)
			was := ahead
			ahead = ahead.Add(c)
			if !reflect.DeepEqual(append(Ahead(nil), was...), before) {
				t.Fatalf("adding changed %v to %v", before, was)
			}
			if !ahead.Has(c) || !ahead.Overlaps(c) {
				t.Fatalf("%s is not there: %v", c, ahead)
			}
			for r := c.First; r < c.End(); r++ {
				added[r] = true
			}
			p.Records, p.InputOffset, ahead = ahead.From(p.Records, p.InputOffset)
			if !ahead.Valid(p) {
				t.Fatalf("impossible: %v ahead of %+v", ahead, p)
			}
			spans, answered := 0, p.Records-begin.Records
			for r := p.Records; r < next; r++ {
				if added[r] && !added[r-1] {
					spans++
				}
				if got := ahead.Has(Chunk{First: r, Records: 1}); got != added[r] {
					t.Fatalf("record %d: %v, %v", r, got, ahead)
				}
			}
			if added[p.Records] || len(ahead) != spans || answered+ahead.Records() != int64(len(added)) {
				t.Fatalf("position %+v, ahead %v; want %d spans of %d records in all", p, ahead, spans, len(added))
			}
		}
		if end := (Position{Records: next, InputOffset: offset}); p != end || len(ahead) > 0 {
			t.Fatalf("ended at %+v with %v, want %+v", p, ahead, end)
		}
	})
}

func TestAheadThatIsImpossible(t *testing.T) {
	p := Position{Records: 10, InputOffset: 100}
	for name, c := range map[string]struct {
		ahead Ahead
		want  bool
	}{
		"nothing":                {nil, true},
		"one":                    {Ahead{{12, 2, 120, 20}}, true},
		"two":                    {Ahead{{12, 2, 120, 20}, {15, 1, 150, 10}}, true},
		"at the position":        {Ahead{{10, 2, 100, 20}}, false},
		"before the position":    {Ahead{{9, 2, 120, 20}}, false},
		"two that touch":         {Ahead{{12, 2, 120, 20}, {14, 1, 140, 10}}, false},
		"out of order":           {Ahead{{15, 1, 150, 10}, {12, 2, 120, 20}}, false},
		"bytes out of order":     {Ahead{{12, 2, 120, 20}, {15, 1, 130, 10}}, false},
		"bytes before":           {Ahead{{12, 2, 90, 20}}, false},
		"without records":        {Ahead{{12, 0, 120, 20}}, false},
		"without bytes":          {Ahead{{12, 1, 120, 0}}, false},
		"more records than fit":  {Ahead{{12, 1<<63 - 1, 120, 20}}, false},
		"more bytes than fit in": {Ahead{{12, 1, 120, 1<<63 - 1}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.ahead.Valid(p); got != c.want {
				t.Errorf("%v", got)
			}
		})
	}
}
