package activities

import (
	"time"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// keptTask is a task between two chunks of its job.
type keptTask struct {
	task task.Task
	end  *time.Timer
}

// keepFor is how long a task that is costly to make waits for the next chunk of its job on this worker.
const keepFor = 5 * time.Second

// keep keeps a task for the job's next chunk. The lock is held.
func (a *Activities) keep(key string, t task.Task) {
	k := &keptTask{task: t}
	k.end = time.AfterFunc(keepFor, func() {
		a.mu.Lock()
		due := a.kept[key] == k
		if due {
			delete(a.kept, key)
		}
		a.mu.Unlock()
		if due {
			closeTask(t)
		}
	})
	if a.kept == nil {
		a.kept = map[string]*keptTask{}
	}
	a.kept[key] = k
}

// unkeep returns the task that is kept for a job, nil where there is none. The lock is held.
func (a *Activities) unkeep(key string) task.Task {
	k := a.kept[key]
	if k == nil {
		return nil
	}
	delete(a.kept, key)
	k.end.Stop()
	return k.task
}

// keptBreaker is what a worker knows of the row of failures while all chunks of a run wait for their next attempts, to tell at its end whether it was an
// outage. Whether that goes on they are to find out anew: what is held is not kept.
type keptBreaker struct {
	breaker *breaker
	until   time.Time
}

// keepBreakerFor is longer than the wait between two attempts at a chunk.
const keepBreakerFor = 10 * time.Minute

// keepBreaker keeps the breaker of a run in which something has failed since the last success. The lock is held.
func (a *Activities) keepBreaker(run string, b *breaker) {
	now := time.Now()
	for id, k := range a.breakers {
		if now.After(k.until) {
			delete(a.breakers, id)
		}
	}
	b.held.Store(0)
	if b.calm() {
		return
	}
	if a.breakers == nil {
		a.breakers = map[string]keptBreaker{}
	}
	a.breakers[run] = keptBreaker{breaker: b, until: now.Add(keepBreakerFor)}
}

// unkeepBreaker returns the breaker that is kept for a run, or a new one. The lock is held.
func (a *Activities) unkeepBreaker(run string, s job.Spec) *breaker {
	k, ok := a.breakers[run]
	delete(a.breakers, run)
	if ok && time.Now().Before(k.until) {
		return k.breaker
	}
	return &breaker{many: int64(s.Tuning.OutageFailures)}
}

// Close lets go of what is kept for further chunks. No activity may run any more.
func (a *Activities) Close() {
	a.mu.Lock()
	kept := a.kept
	a.kept = nil
	a.mu.Unlock()
	done := make(chan struct{})
	for _, k := range kept {
		k.end.Stop()
		go func() {
			closeTask(k.task)
			done <- struct{}{}
		}()
	}
	for range kept {
		<-done
	}
}

func closeTask(t task.Task) {
	if c, ok := t.(interface{ Close() }); ok {
		c.Close()
	}
}
