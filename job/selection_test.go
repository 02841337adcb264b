package job

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSelectionTakesAllFromTheSkipOn(t *testing.T) {
	for name, s := range map[string]Selection{"all": {}, "from record 5 on": {Skip: 5}, "a sample of 1": {Skip: 2, Sample: 1, Seed: 9}} {
		t.Run(name, func(t *testing.T) {
			for i := range int64(20) {
				if got := s.Number(i); got != s.Skip+i {
					t.Errorf("record %d is %d, want %d", i, got, s.Skip+i)
				}
			}
		})
	}
}

// TestASampleHasOneRecordOfEachStretch whatever the fraction, the seed and the place.
func TestASampleHasOneRecordOfEachStretch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Selection{
			Skip: rapid.Int64Range(0, 1<<40).Draw(t, "skip"), Sample: rapid.Float64Range(1e-9, 1).Draw(t, "sample"), Seed: rapid.Uint64().Draw(t, "seed"),
		}
		i := rapid.Int64Range(0, 1<<30).Draw(t, "record")
		from, to := s.Number(i), s.Number(i+1)
		if to <= from {
			t.Fatalf("record %d is %d, and the next %d", i, from, to)
		}
		if want := float64(i) / s.Sample; float64(from-s.Skip) < want-2-want*1e-6 || float64(from-s.Skip) > want+1/s.Sample+2+want*1e-6 {
			t.Fatalf("record %d is the %dth after the skip, in a sample of %g", i, from-s.Skip, s.Sample)
		}
		if s.Next(i+1) != from+1 || s.Next(0) != 0 {
			t.Fatalf("next after %d is %d", from, s.Next(i+1))
		}
	})
}

// TestSeedsDrawOtherSamples, each place of a stretch about as often.
func TestSeedsDrawOtherSamples(t *testing.T) {
	count := map[int64]int{}
	for seed := range uint64(1000) {
		count[Selection{Sample: 0.1, Seed: seed}.Number(7)]++
	}
	for n := range int64(10) {
		if c := count[70+n]; c < 50 || c > 200 {
			t.Errorf("record %d was drawn %d times in 1,000", 70+n, c)
		}
	}
}

// TestASampleIsForEver holds a few numbers, since an output that was begun with them must be resumed with them.
func TestASampleIsForEver(t *testing.T) {
	s := Selection{Skip: 3, Sample: 0.01, Seed: 42}
	var got [4]int64
	for i := range got {
		got[i] = s.Number(int64(i))
	}
	if want := [4]int64{16, 194, 261, 367}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCountIsAboutWhatIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		s       Selection
		n, want int64
	}{
		"all":              {Selection{}, 100, 100},
		"after a skip":     {Selection{Skip: 30}, 100, 70},
		"within a skip":    {Selection{Skip: 300}, 100, 0},
		"a sample":         {Selection{Sample: 0.1}, 100, 10},
		"a sample, a skip": {Selection{Skip: 50, Sample: 0.1}, 100, 5},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.s.Count(c.n); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}
