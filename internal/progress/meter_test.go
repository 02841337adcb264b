package progress

import (
	"testing"
	"time"
)

// TestRatesAreThoseOfTheLastSeconds shows a meter a job that goes at one pace, then at another, then stands still.
func TestRatesAreThoseOfTheLastSeconds(t *testing.T) {
	for name, c := range map[string]struct {
		paces       []int64 // records in each second
		before      int64
		now, lately float64
	}{
		"steady":                    {repeat(10, 30), 0, 10, 10},
		"resumed":                   {repeat(10, 30), 500, 10, 10},
		"faster of late":            {append(repeat(10, 100), repeat(40, 5)...), 0, 40, 12.5},
		"slower of late":            {append(repeat(100, 100), repeat(10, 70)...), 0, 10, 10},
		"at a standstill":           {append(repeat(10, 30), repeat(0, 5)...), 0, 0, 300. / 35},
		"at a standstill for long":  {append(repeat(10, 30), repeat(0, 60)...), 0, 0, 0},
		"less done than there was":  {append(repeat(10, 30), repeat(-10, 5)...), 0, 0, 250. / 35},
		"the first seconds of many": {repeat(7, 2), 0, 7, 7},
	} {
		t.Run(name, func(t *testing.T) {
			var m Meter
			s := Snapshot{Before: c.before, Done: c.before}
			for i, n := range c.paces {
				for range 4 { // four snapshots a second
					s.Elapsed += time.Second / 4
					if s.Elapsed == time.Duration(i+1)*time.Second {
						s.Done += n
					}
					m.Measure(&s)
				}
			}
			if near(s.Rates.Now, c.now) && near(s.Rates.Lately, c.lately) {
				return
			}
			t.Errorf("%+v, want now %v, lately %v", *s.Rates, c.now, c.lately)
		})
	}
}

// TestWhatIsInFlightIsTheMostOfTwoSeconds, since slots go from chunk to chunk between two tellings.
func TestWhatIsInFlightIsTheMostOfTwoSeconds(t *testing.T) {
	var m Meter
	for i, c := range []struct{ told, want int }{{0, 0}, {7, 7}, {0, 7}, {3, 7}, {0, 7}, {0, 3}, {0, 3}, {0, 0}, {9, 9}} {
		s := Snapshot{Elapsed: time.Duration(i) * time.Second / 2, InFlight: c.told}
		if m.Measure(&s); s.InFlight != c.want {
			t.Errorf("after %s %d were told, and %d are shown, want %d", s.Elapsed, c.told, s.InFlight, c.want)
		}
	}
}

func TestNothingIsMeasuredInNoTime(t *testing.T) {
	var m Meter
	s := Snapshot{Done: 7}
	if m.Measure(&s); *s.Rates != (Rates{}) {
		t.Errorf("%+v", *s.Rates)
	}
}

// TestAMeterKeepsAMinute of marks, however long the job runs.
func TestAMeterKeepsAMinute(t *testing.T) {
	var m Meter
	for i := range 100_000 {
		s := Snapshot{Done: int64(i), Elapsed: time.Duration(i) * 100 * time.Millisecond}
		m.Measure(&s)
	}
	if most := int(latelySpan/markEvery) + 2; len(m.marks) > most {
		t.Errorf("%d marks, want %d at most", len(m.marks), most)
	}
}

func near(a, b float64) bool { return a-b < 0.2 && b-a < 0.2 }

func repeat(n int64, times int) (all []int64) {
	for range times {
		all = append(all, n)
	}
	return all
}
