package activities

import (
	"testing"
	"time"

	"github.com/longhaul/longhaul/job"
)

// TestAnAnswerThatComesLateIsTaken: the server may take longer than chunks take to ask again.
func TestAnAnswerThatComesLateIsTaken(t *testing.T) {
	var g asked
	first, second := grant{0, 7}, grant{10, 8}
	g.begins(unasked)
	since, yes := g.due("run")
	if !yes || since != unasked {
		t.Fatalf("asks since %d, %v", since, yes)
	}
	g.begins(unasked) // the second, of which the answer does not tell
	g.next = time.Now().Add(-time.Minute)
	if _, yes := g.due("run"); yes {
		t.Error("two questions at once")
	}
	g.answered("run", since, job.Targets{Revision: 3, Chunks: []job.Target{{First: 0, Granted: 7, Slots: 5}}}, nil)
	if c, known, _ := g.target(first); !known || c.Slots != 5 {
		t.Errorf("%+v, %v", c, known)
	}
	if since, yes := g.due("run"); !yes || since != unasked {
		t.Errorf("for the one that joined meanwhile it asks since %d, %v", since, yes)
	}
	g.answered("run", unasked, job.Targets{Revision: 3, Chunks: []job.Target{{First: 0, Granted: 7, Slots: 5}, {First: 10, Granted: 8, Slots: 2}}}, nil)
	if c, known, _ := g.target(second); !known || c.Slots != 2 {
		t.Errorf("%+v, %v", c, known)
	}
	g.next = time.Time{}
	if since, yes := g.due("run"); !yes || since != 3 {
		t.Errorf("then it asks since %d, %v", since, yes)
	}
}
