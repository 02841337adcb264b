package progress

import (
	"math"
	"slices"
	"time"
)

// Snapshot is how far a job is at a moment.
type Snapshot struct {
	// Done records, written or waiting for their turn, and Failed ones among them.
	Done   int64 `json:"done"`
	Failed int64 `json:"failed"`
	// Written records, in order.
	Written int64 `json:"written"`
	// Total records of the input; an estimate where Estimated, 0 where nothing is known yet.
	Total     int64 `json:"total"`
	Estimated bool  `json:"estimated,omitempty"`
	// InFlight tasks and the Cap on them.
	InFlight int `json:"inFlight"`
	Cap      int `json:"cap"`
	// MaxRate bounds how many tries begin, as "100/s"; empty where nothing does.
	MaxRate string `json:"maxRate,omitempty"`
	// Paused says that no further try begins until the job is resumed.
	Paused bool `json:"paused,omitempty"`
	// Ahead is how many records are done beyond the first unfinished one.
	Ahead int64 `json:"ahead,omitempty"`
	// Slowest is that one; nil where it is not known.
	Slowest *Slowest `json:"slowest,omitempty"`
	// Elapsed since following began, and records Done before that.
	Elapsed time.Duration `json:"-"`
	Before  int64         `json:"-"`
	// Rates is what a Meter measured; nil where none did.
	Rates *Rates `json:"-"`
	// Trouble is what holds the job up, where something does.
	Trouble string `json:"trouble,omitempty"`
}

// Slowest is the first unfinished record of a job.
type Slowest struct {
	// Record is its number in the input, from 0.
	Record int64 `json:"record"`
	// Seconds for which it has been the first.
	Seconds int64 `json:"seconds"`
	// Cause is why its last try failed, where it waits for the next.
	Cause string `json:"cause,omitempty"`
}

// Rate is the records a second since following began.
func (s Snapshot) Rate() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Done-s.Before) / s.Elapsed.Seconds()
}

// Left is the time left at the rate of the last minute, or since following began where that was not measured; negative where it is unknown.
func (s Snapshot) Left() time.Duration {
	r := s.Rate()
	if s.Rates != nil {
		r = s.Rates.Lately
	}
	if s.Total != 0 && s.Done == s.Total {
		return 0
	}
	if s.Total == 0 || r <= 0 || s.Paused || s.held() != nil && s.Total-s.Done <= int64(s.Cap) { // all that is left may be as slow
		return -1
	}
	left := float64(s.Total-s.Done) / r * float64(time.Second)
	if left >= math.MaxInt64 {
		return -1
	}
	return time.Duration(left)
}

// heldFor is how long a record must have been the first unfinished one to be told of.
const heldFor = 10

// held returns the first unfinished record where it holds others up for long: more of them are done beyond it than can be in flight beside it.
func (s Snapshot) held() *Slowest {
	if s.Slowest == nil || s.Paused || s.Slowest.Seconds < heldFor || s.Ahead <= int64(s.Cap) {
		return nil
	}
	return s.Slowest
}

// Rates is how fast a job is, in records a second.
type Rates struct {
	// Now is over the last few seconds, Lately over the last minute.
	Now, Lately float64
}

// Spans over which the rates are taken. Within chunks a job tells how far it is once a second.
const (
	nowSpan    = 5 * time.Second
	latelySpan = time.Minute
	markEvery  = 500 * time.Millisecond
)

// Meter measures the rates of one job from its snapshots. The zero Meter is ready. It is not for concurrent use.
type Meter struct {
	marks   []mark
	flights []flight
}

// flight is how many tasks were said to be in flight at a time.
type flight struct {
	at time.Duration
	n  int
}

// flightSpan is over which time the most in flight count. Slots go from a chunk that ends to others, which tell of it up to a second later.
const flightSpan = 2 * time.Second

type mark struct {
	at   time.Duration
	done int64
}

// Measure sets the rates of the newest snapshot, and what is in flight, for which the chunks' tellings of different moments do not make up by themselves.
func (m *Meter) Measure(s *Snapshot) {
	m.flights = append(slices.DeleteFunc(m.flights, func(f flight) bool { return s.Elapsed-f.at >= flightSpan }), flight{s.Elapsed, s.InFlight})
	for _, f := range m.flights {
		s.InFlight = max(s.InFlight, f.n)
	}
	if len(m.marks) == 0 {
		m.marks = append(m.marks, mark{0, s.Before})
	}
	s.Rates = &Rates{Now: m.since(*s, nowSpan), Lately: m.since(*s, latelySpan)}
	if last := m.marks[len(m.marks)-1]; s.Elapsed-last.at < markEvery {
		return
	}
	m.marks = append(m.marks, mark{s.Elapsed, s.Done})
	for len(m.marks) > 2 && s.Elapsed-m.marks[1].at >= latelySpan {
		m.marks = m.marks[1:]
	}
}

// since is the rate since the youngest mark that is at least that old, or since the first.
func (m *Meter) since(s Snapshot, span time.Duration) float64 {
	from := m.marks[0]
	for _, k := range m.marks {
		if s.Elapsed-k.at < span {
			break
		}
		from = k
	}
	if s.Elapsed <= from.at {
		return 0
	}
	return max(0, float64(s.Done-from.done)/(s.Elapsed-from.at).Seconds())
}
