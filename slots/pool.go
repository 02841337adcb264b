// Package slots runs the tasks of several chunks under one cap.
//
// Each chunk brings its slots to the pool of its job. The pool has one goroutine a slot, and each takes the next piece of work
// of the lowest chunk that has any: a chunk that does not use its slots lends them, and the output's position is served first.
package slots

import (
	"slices"
	"sync"
)

// Work is a piece of work that one slot runs.
type Work interface{ Run() }

// Source hands out the work of one chunk. Take is called concurrently.
type Source interface {
	// Take claims the next piece of work, or returns nil where none is to be started now. After a nil the Source is asked
	// again only when its Lane is woken.
	Take() Work
}

// Pool shares slots between lanes. The zero Pool is ready.
type Pool struct {
	mu      sync.Mutex
	lanes   []*Lane // by order
	size    int     // slots brought
	workers int     // goroutines, idle ones included
	idle    int
	work    sync.Cond // a lane has work, or there are too many workers
	shrunk  sync.Cond // a worker has gone, or slots have come for it
}

// Lane is one chunk's part in a pool.
type Lane struct {
	pool    *Pool
	order   int64
	slots   int
	source  Source
	hasWork bool
	epoch   uint64 // of the last Wake
}

// Join brings slots to the pool and offers source's work to it, behind the lanes of lower order. Of equal ones the first to join goes first.
func (p *Pool) Join(order int64, slots int, source Source) *Lane {
	l := &Lane{pool: p, order: order, slots: slots, source: source, hasWork: true}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.work.L == nil { // a waiter reads it without the lock
		p.work.L, p.shrunk.L = &p.mu, &p.mu
	}
	at := len(p.lanes)
	for at > 0 && p.lanes[at-1].order > order {
		at--
	}
	p.lanes = slices.Insert(p.lanes, at, l)
	p.grow(slots)
	return l
}

// grow adds n slots.
func (p *Pool) grow(n int) {
	p.size += n
	for p.workers < p.size {
		p.workers++
		go p.run()
	}
	p.work.Broadcast()
	p.shrunk.Broadcast()
}

// Wake says that the lane's source has work again. It may be called while Take runs.
func (l *Lane) Wake() {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	l.epoch++
	l.hasWork = true
	l.pool.work.Signal()
}

// Resize gives the lane n slots, 0 or more. Where it had more, the pool has Settled when no more work runs than the slots that are left.
func (l *Lane) Resize(n int) {
	p := l.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	more := n - l.slots
	l.slots = n
	if more > 0 {
		p.grow(more)
		return
	}
	p.size += more
	p.work.Broadcast()
}

// Settled says whether no more work runs than there are slots, so that those given back can be used elsewhere.
func (p *Pool) Settled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.workers-p.idle <= p.size // idle ones begin nothing while there are too many of them
}

// Leave takes the lane out of the pool and its slots with it; it returns when they are free, those lent to other lanes too. The
// lane's own work must have ended.
func (l *Lane) Leave() {
	p := l.pool
	p.mu.Lock()
	p.lanes = slices.DeleteFunc(p.lanes, func(m *Lane) bool { return m == l })
	p.mu.Unlock()
	l.Resize(0)
	p.settle()
}

// settle waits until the pool has settled and what is left of its goroutines is as many as its slots.
func (p *Pool) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.workers > p.size {
		p.shrunk.Wait()
	}
}

// Slots returns how many slots the lane brings.
func (l *Lane) Slots() int {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	return l.slots
}

// Idle returns how many slots have nothing to do.
func (p *Pool) Idle() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.idle
}

// Used returns how many slots have something to do, and how many were brought.
func (p *Pool) Used() (used, brought int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.workers - p.idle, p.size
}

// run is one slot.
func (p *Pool) run() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.workers <= p.size {
		l := p.lowest()
		if l == nil {
			p.idle++
			p.work.Wait()
			p.idle--
			continue
		}
		if p.idle > 0 {
			p.work.Signal() // a lane that woke may have work for more than one
		}
		epoch := l.epoch
		p.mu.Unlock()
		w := l.source.Take()
		if w != nil {
			w.Run()
		}
		p.mu.Lock()
		if w == nil && l.epoch == epoch {
			l.hasWork = false
		}
	}
	p.workers--
	p.shrunk.Broadcast()
}

// lowest returns the first lane that has work.
func (p *Pool) lowest() *Lane {
	for _, l := range p.lanes {
		if l.hasWork {
			return l
		}
	}
	return nil
}

// Empty says whether the pool has no lane.
func (p *Pool) Empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lanes) == 0
}
