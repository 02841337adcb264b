package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"
)

// session is one life of an asynchronous program. Nobody blocks anybody: questions queue up in memory, one for each record in flight at most,
// and answers are handed over without waiting.
type session struct {
	child      *child
	maxGivenUp int
	wake       chan struct{} // told, without blocking, of something to write
	over       chan struct{} // closed when no further answer will come
	written    chan struct{} // closed when the writer has ended
	err        error         // why; read after over only

	mu      sync.Mutex
	last    uint64 // id given out last
	waiting map[uint64]*waiter
	givenUp map[uint64]struct{}
	queue   []byte
	heard   time.Time // of the last answer; at first, until when it may be silent
	closing bool
	reason  error // why it was killed
}

// startGrace is how long a program may take to its first answer, whatever the time-out: it may have much to load.
const startGrace = time.Minute

type waiter struct {
	since    time.Time
	answered chan answer // of one
}

func newSession(c *child, maxGivenUp int) *session {
	s := &session{
		child: c, maxGivenUp: maxGivenUp, wake: make(chan struct{}, 1), over: make(chan struct{}), written: make(chan struct{}),
		waiting: map[uint64]*waiter{}, givenUp: map[uint64]struct{}{}, heard: time.Now().Add(startGrace),
	}
	go s.write()
	go s.read()
	return s
}

func (s *session) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.reason != nil
	}
}

// ask queues a question; the answer comes by the channel.
func (s *session) ask(q question) (uint64, <-chan answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	q.ID = s.last
	if err := s.enqueue(q); err != nil {
		return 0, nil, err
	}
	w := &waiter{since: time.Now(), answered: make(chan answer, 1)}
	s.waiting[q.ID] = w
	return q.ID, w.answered, nil
}

// enqueue has a line written. The lock is held.
func (s *session) enqueue(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.queue = append(append(s.queue, b...), '\n')
	s.notify()
	return nil
}

func (s *session) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// giveUp waits for an answer no longer. A program that has answered nothing at all since it was asked, a whole time-out long, is hung, and killed.
func (s *session) giveUp(id uint64, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waiting[id]
	if w == nil {
		return
	}
	delete(s.waiting, id)
	s.givenUp[id] = struct{}{}
	_ = s.enqueue(cancellation{id})
	switch {
	case len(s.givenUp) > s.maxGivenUp:
		s.killLocked(fmt.Errorf("it left %d timed-out records without an answer", len(s.givenUp)))
	case errors.Is(why, context.DeadlineExceeded) && s.heard.Before(w.since):
		s.killLocked(errors.New("it answered nothing for a whole time-out"))
	}
}

// killLocked ends the program for a reason.
func (s *session) killLocked(reason error) {
	if s.reason == nil {
		s.reason = reason
	}
	s.child.kill()
}

// write writes what is queued, until the queue is closed or the program takes no more.
func (s *session) write() {
	defer close(s.written)
	defer s.child.in.Close()
	var batch []byte
	for {
		select {
		case <-s.wake:
		case <-s.over:
			return
		}
		s.mu.Lock()
		batch, s.queue = s.queue, batch[:0]
		closing := s.closing
		s.mu.Unlock()
		if _, err := s.child.in.Write(batch); err != nil || closing {
			return // an end of the program shows where its answers are read
		}
		if cap(batch) > 1<<20 {
			batch = nil
		}
	}
}

// read hands out the answers until the program ends, or breaks the protocol.
func (s *session) read() {
	err := s.answers()
	s.mu.Lock()
	if !ended(err) {
		s.killLocked(err)
	}
	s.mu.Unlock()
	if ended(err) { // it may have closed its output and live on
		s.child.kill()
	}
	<-s.child.exited
	s.mu.Lock()
	s.err = s.child.end()
	if s.reason != nil {
		s.err = s.reason
		if text := s.child.errs.String(); text != "" {
			s.err = fmt.Errorf("%w: %s", s.err, text)
		}
	}
	s.err = fmt.Errorf("program %s: %w", s.child.name, s.err)
	if n := len(s.waiting); n > 1 {
		s.err = fmt.Errorf("%w (with %d records in hand)", s.err, n)
	}
	s.mu.Unlock()
	close(s.over)
	<-s.written
	s.child.out.Close()
}

func (s *session) answers() error {
	for {
		line, err := readLine(s.child.rd)
		if err != nil {
			return err
		}
		a, err := parseAnswer(line)
		if err == nil {
			err = s.deliver(a)
		}
		if err != nil && !s.isClosing() {
			return fmt.Errorf("it printed %.200q: %w", line, err)
		}
	}
}

// isClosing says whether nobody waits for answers any more: what the program prints in parting is its own affair.
func (s *session) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// deliver hands an answer to the one that waits for it.
func (s *session) deliver(a answer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cancelled := s.waiting[a.ID], false
	if w == nil {
		_, cancelled = s.givenUp[a.ID]
	}
	switch {
	case w != nil:
		delete(s.waiting, a.ID)
		w.answered <- a
	case cancelled:
		delete(s.givenUp, a.ID)
	case a.ID > 0 && a.ID <= s.last:
		return fmt.Errorf("id %d was answered before", a.ID)
	default:
		return fmt.Errorf("no record has the id %d", a.ID)
	}
	s.heard = time.Now()
	return nil
}

// parseAnswer decodes an answer strictly.
func parseAnswer(line []byte) (a answer, err error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return a, errors.New("not an answer: one JSON object a line, nothing else, may go to standard output")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return a, errors.New("not an answer: more than one JSON value in a line")
	}
	if a.Error != nil && string(a.Output) == "null" {
		a.Output = nil // written by something that writes every field
	}
	switch {
	case a.Output == nil && a.Error == nil:
		return a, errors.New("not an answer: it has neither an output nor an error")
	case a.Output != nil && a.Error != nil:
		return a, errors.New("not an answer: it has an output and an error")
	case a.Error == nil && (a.Retryable || a.Transient || a.After != 0):
		return a, errors.New("not an answer: retryable, transient and after go with an error")
	case a.After < 0 || math.IsNaN(a.After):
		return a, errors.New("not an answer: after is negative")
	}
	return a, nil
}

// close lets the program end: it reads the end of its input, and has a grace to finish.
func (s *session) close() {
	s.mu.Lock()
	s.closing = true
	s.notify()
	s.mu.Unlock()
	t := time.NewTimer(endGrace)
	defer t.Stop()
	select {
	case <-s.over:
	case <-t.C:
		s.mu.Lock()
		s.killLocked(errors.New("it did not end with its input"))
		s.mu.Unlock()
		<-s.over
	}
	<-s.written
}
