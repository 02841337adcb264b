package workflows

import (
	"cmp"
	"slices"

	"github.com/longhaul/longhaul/job"
)

// share is a part of the cap and of the rate.
type share struct {
	slots     int
	perSecond float64
	burst     int
}

func (a share) plus(b share) share {
	return share{a.slots + b.slots, a.perSecond + b.perSecond, a.burst + b.burst}
}

func (a share) minus(b share) share {
	return share{a.slots - b.slots, a.perSecond - b.perSecond, a.burst - b.burst}
}

// entitled is all that may be handed out.
func (c *coordinator) entitled() share {
	if c.control.Paused {
		return share{}
	}
	return share{c.spec.Concurrency, c.spec.perSecond, c.spec.Burst}
}

// shareOut brings what the lanes shall have in line with what there is, after it was changed. The first time it takes from lanes as well as it gives. Until all have what they
// were meant to have, it gives to those that are short of it what comes free, the first in the input first, before further chunks are started with that.
//
// At the end of the input, where no further chunk is there to be started, what comes free goes to the chunks that are left in the same way.
//
// What a lane holds counts as its own until its chunk has said that it gave it back: the cap holds over all workers, whatever hears of it when.
func (c *coordinator) shareOut(s Sizing) {
	if !c.steered && (c.free.slots <= 0 || !c.nothingWaits()) {
		return
	}
	lanes := slices.Clone(c.running)
	slices.SortFunc(lanes, func(a, b *lane) int { return cmp.Compare(a.chunk.First, b.chunk.First) })
	changed := false
	c.steered = false
	for i, want := range c.wants(s, lanes) {
		l := lanes[i]
		next := l.next(want, c.free)
		if !c.anew {
			next = share{max(next.slots, l.target.slots), max(next.perSecond, l.target.perSecond), max(next.burst, l.target.burst)}
		}
		if next != l.target && (c.anew || l.target.short(want)) {
			more := share{max(0, next.slots-l.held.slots), max(0, next.perSecond-l.held.perSecond), max(0, next.burst-l.held.burst)}
			l.held, c.free = l.held.plus(more), c.free.minus(more)
			l.target, l.revision = next, c.revision+1
			changed = true
		}
		c.steered = c.steered || l.held != l.target || l.target.short(want)
	}
	c.anew = false
	if changed {
		c.revision++
	}
}

// wants is what each lane should have: as much as the plan gives one, until nothing is left; or more, where nothing is left to be started.
func (c *coordinator) wants(s Sizing, lanes []*lane) []share {
	left, each := c.entitled(), s.Share
	if n := len(lanes); n > 0 && (c.stopping || c.nothingWaits()) {
		each = max(each, ceilDiv(left.slots, n))
	}
	wants := make([]share, len(lanes))
	for i, l := range lanes {
		n := min(left.slots, each, l.most)
		if n <= 0 || c.spec.perSecond > 0 && left.burst == 0 {
			continue
		}
		wants[i].slots = n
		if c.spec.perSecond > 0 {
			wants[i].perSecond = min(left.perSecond, c.spec.perSecond*float64(n)/float64(c.spec.Concurrency))
			wants[i].burst = burstOf(left.burst, ceilDiv(left.slots, each))
		}
		left = left.minus(wants[i])
	}
	return wants
}

// nothingWaits says whether all chunks of the input have been started.
func (c *coordinator) nothingWaits() bool { return c.listedAll && len(c.queue) == 0 }

// next is what the lane is to be given of what it should have: less at once, more only of what is free.
func (l *lane) next(want, free share) share {
	return share{
		slots:     l.held.slots + min(want.slots-l.held.slots, max(0, free.slots)),
		perSecond: l.held.perSecond + min(want.perSecond-l.held.perSecond, max(0, free.perSecond)),
		burst:     l.held.burst + min(want.burst-l.held.burst, max(0, free.burst)),
	}
}

// short says whether it is by far less than it should be.
func (a share) short(want share) bool {
	return a.slots < want.slots && 2*a.slots <= want.slots || a.perSecond < want.perSecond && 2*a.perSecond <= want.perSecond || a.burst == 0 && want.burst > 0
}

// slotsReturned takes back what a running chunk has given back: since it cannot use it, or was told to.
func (c *coordinator) slotsReturned(r job.SlotsReturned) {
	for _, l := range c.running {
		if l.chunk.First != r.First || l.since.UnixNano() != r.Granted || r.Revision != l.revision {
			continue // of another time: the chunk has been told, or will be, what it has now
		}
		if r.Keep > l.target.slots || r.Keep < min(1, l.target.slots) {
			continue
		}
		keeps := l.target
		if r.Keep < keeps.slots {
			keeps = share{r.Keep, keeps.perSecond * float64(r.Keep) / float64(keeps.slots), min(1, keeps.burst)}
			l.most = r.Keep
		}
		c.takeBack(l, l.held.minus(keeps), 0)
		l.held, l.target = keeps, keeps
	}
}

// takeBack takes note that a lane has given back some of what it held, and tries that it had saved up.
func (c *coordinator) takeBack(l *lane, some share, tokens float64) {
	l.held = l.held.minus(some)
	c.free = c.free.plus(some)
	c.freeTokens = min(c.freeTokens+tokens, float64(max(0, c.free.burst)))
}
