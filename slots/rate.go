package slots

import (
	"math"
	"slices"
	"sync"
	"time"
)

// Rate bounds how many pieces of work begin in a stretch of time, for all chunks of a job on one worker: a token bucket. Its rate and its size are the sums of what the chunks
// brought. Over any stretch of T seconds no more than rate*T + burst tokens are handed out by all workers together, where the shares that are held at one time add up to no
// more than that rate and that burst. The zero Rate is ready.
type Rate struct {
	// Now is the clock, and After its timer, by default those of package time.
	Now   func() time.Time
	After func(time.Duration, func()) (stop func() bool)

	mu        sync.Mutex
	perSecond float64
	burst     int
	tokens    float64
	at        time.Time // when tokens was reckoned
	waiting   []*turn
	stop      func() bool // of the timer for the first of those that wait; nil while there is none
}

// turn is one that waits.
type turn struct {
	come  chan struct{} // closed when the wait is over
	token bool          // it has got one; read once come is closed
}

// Share is one chunk's part in a Rate.
type Share struct {
	rate      *Rate
	perSecond float64
	burst     int
}

// Join brings a share, with tokens that are saved up already.
func (r *Rate) Join(perSecond float64, burst int, tokens float64) *Share {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change(perSecond, burst)
	r.tokens += min(tokens, float64(burst))
	r.serve()
	return &Share{rate: r, perSecond: perSecond, burst: burst}
}

// Resize makes the share this much. What was saved up beyond the burst is lost.
func (s *Share) Resize(perSecond float64, burst int) {
	r := s.rate
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change(perSecond-s.perSecond, burst-s.burst)
	s.perSecond, s.burst = perSecond, burst
	r.serve()
}

// Scale makes the rate of the share a fraction of it, 0 to 1, and bounds its burst.
func (s *Share) Scale(fraction float64, burst int) {
	s.Resize(s.perSecond*fraction, min(burst, s.burst))
}

// Leave takes the share out, and returns the part of the tokens saved up that goes with it.
func (s *Share) Leave() (tokens float64) {
	r := s.rate
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reckon()
	if r.burst > 0 {
		tokens = r.tokens * float64(s.burst) / float64(r.burst)
	}
	r.tokens -= tokens
	r.change(-s.perSecond, -s.burst)
	if r.burst == 0 {
		r.perSecond, r.tokens = 0, 0 // whatever rounding left
	}
	s.perSecond, s.burst = 0, 0
	r.serve()
	return tokens
}

// Wait waits for a token. It returns false, without one, when quit is closed, or at an Interrupt. Those that wait are served in their order.
func (r *Rate) Wait(quit <-chan struct{}) bool {
	select {
	case <-quit:
		return false
	default:
	}
	t := r.enqueue()
	if t == nil {
		return true
	}
	select {
	case <-t.come:
		return t.token
	case <-quit:
	}
	r.giveUp(t)
	return false
}

// Interrupt ends all waits there are.
func (r *Rate) Interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.waiting {
		close(t.come)
	}
	r.waiting = nil
	r.serve()
}

// enqueue takes a token and returns nil where there is one, else a turn to wait for.
func (r *Rate) enqueue() *turn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		if r.reckon(); r.tokens >= 1 {
			r.tokens--
			return nil
		}
	}
	t := &turn{come: make(chan struct{})}
	r.waiting = append(r.waiting, t)
	if len(r.waiting) == 1 {
		r.serve()
	}
	return t
}

// giveUp waits no more.
func (r *Rate) giveUp(t *turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, t); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	} else if t.token {
		r.tokens = min(r.tokens+1, float64(r.burst)) // its turn came at the same moment
	}
	r.serve()
}

func (r *Rate) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

func (r *Rate) after(d time.Duration, f func()) (stop func() bool) {
	if r.After != nil {
		return r.After(d, f)
	}
	return time.AfterFunc(d, f).Stop
}

// reckon brings the tokens up to now.
func (r *Rate) reckon() {
	now := r.now()
	if elapsed := now.Sub(r.at).Seconds(); elapsed > 0 {
		r.tokens = min(r.tokens+elapsed*r.perSecond, float64(r.burst))
	}
	r.at = now
}

// change adds to rate and burst, from now on.
func (r *Rate) change(perSecond float64, burst int) {
	r.reckon()
	r.perSecond += perSecond
	r.burst += burst
	r.tokens = min(r.tokens, float64(r.burst))
}

// serve hands out what tokens there are, and sees to it that the next of those that wait is served in time.
func (r *Rate) serve() {
	r.reckon()
	for len(r.waiting) > 0 && r.tokens >= 1 {
		r.tokens--
		r.waiting[0].token = true
		close(r.waiting[0].come)
		r.waiting = r.waiting[1:]
	}
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
	if len(r.waiting) == 0 || r.perSecond <= 0 {
		return
	}
	wait := (1 - r.tokens) / r.perSecond * float64(time.Second)
	r.stop = r.after(time.Duration(math.Ceil(min(wait, float64(time.Hour))))+1, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.serve()
	})
}
