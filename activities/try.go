package activities

import (
	"context"
	"sync"
	"time"
)

// try is the context of one try: it ends at its deadline, when the run is canceled, or when the try is over. What context.WithTimeout makes for
// that (a timer, a channel, an entry among the run's children) is made only where somebody asks for it by Done. A request of the task http
// does not: its connection knows the deadline, and Watch tells of the rest.
type try struct {
	run      context.Context // without a deadline
	tries    *tries
	deadline time.Time

	mu    sync.Mutex
	done  chan struct{}
	err   error
	timer *time.Timer
	stop  func() bool // the watch over run
	after map[*func()]struct{}

	// Of tries, under its lock.
	next, prev *try
	f          func()
	struck     bool
}

func newTry(run context.Context, tries *tries, deadline time.Time) *try {
	return &try{run: run, tries: tries, deadline: deadline}
}

// Deadline implements context.Context.
func (t *try) Deadline() (time.Time, bool) { return t.deadline, true }

// Value implements context.Context.
func (t *try) Value(key any) any { return t.run.Value(key) }

// Err implements context.Context.
func (t *try) Err() error {
	t.mu.Lock()
	err := t.err
	t.mu.Unlock()
	switch {
	case err != nil:
		return err
	case t.run.Err() != nil:
		t.end(t.run.Err())
	case !time.Now().Before(t.deadline):
		t.end(context.DeadlineExceeded)
	default:
		return nil
	}
	return t.Err()
}

// Done implements context.Context.
func (t *try) Done() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done == nil {
		t.done = make(chan struct{})
		if t.err != nil {
			close(t.done)
			return t.done
		}
		t.timer = time.AfterFunc(time.Until(t.deadline), func() { t.end(context.DeadlineExceeded) })
		t.stop = context.AfterFunc(t.run, func() { t.end(t.run.Err()) })
	}
	return t.done
}

// AfterFunc has package context watch over this context without a goroutine.
func (t *try) AfterFunc(f func()) (stop func() bool) {
	t.Done()
	t.mu.Lock()
	defer t.mu.Unlock()
	key := &f
	if t.err != nil {
		go f()
	} else {
		if t.after == nil {
			t.after = map[*func()]struct{}{}
		}
		t.after[key] = struct{}{}
	}
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		_, waits := t.after[key]
		delete(t.after, key)
		return waits
	}
}

// end ends the context. The first reason given is its error.
func (t *try) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return
	}
	t.err = err
	if t.done == nil {
		return
	}
	close(t.done)
	t.timer.Stop()
	t.stop()
	for f := range t.after {
		go (*f)()
	}
	t.after = nil
}

// Watch has f called should the run be canceled before Unwatch: not at the deadline, and not when the try is over. There may be one at a time.
func (t *try) Watch(f func()) {
	s := t.tries
	s.mu.Lock()
	late := s.canceled
	t.f, t.struck = f, late
	if !late {
		t.next, t.prev = s.first, nil
		if s.first != nil {
			s.first.prev = t
		}
		s.first = t
	}
	s.mu.Unlock()
	if late {
		f()
	}
}

// Unwatch ends what Watch began, and says whether f is not called and will not be.
func (t *try) Unwatch() bool {
	s := t.tries
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.struck {
		return false
	}
	if t.f == nil {
		return true
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		s.first = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.f, t.next, t.prev = nil, nil, nil
	return true
}

// tries are those of a run that are watched. The zero tries is ready.
type tries struct {
	mu       sync.Mutex
	first    *try
	canceled bool
}

// cancel strikes all that are watched, and those to come.
func (s *tries) cancel() {
	s.mu.Lock()
	s.canceled = true
	var struck []func()
	for t := s.first; t != nil; t = t.next {
		t.struck = true
		struck = append(struck, t.f)
	}
	s.first = nil
	s.mu.Unlock()
	for _, f := range struck {
		f()
	}
}
