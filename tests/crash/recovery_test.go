package crash

import (
	"strings"
	"testing"
	"time"

	"github.com/longhaul/longhaul/tests/harness"
)

// TestEmbeddedRecovery kills a longhaul run with its own server again and again, and prints how quickly the same command goes on.
func TestEmbeddedRecovery(t *testing.T) {
	const records, killed, concurrency = 4_000, 6, "32"
	b := harness.NewAlone(t)
	tg := harness.NewTarget(t, harness.Fixed(5*time.Millisecond))
	b.Write("in", harness.Lines(records))
	args := []string{"in", "--output", "out", "--http", tg.Template(), "--concurrency", concurrency}
	var total tally
	p := b.Embedded("state", args...)
	address := strings.Split(string(b.Read("state/server.json")), `"`)[3]
	for i := range killed {
		enough := (i + 1) * records / (2 * killed) // so that there is something left to request after the last kill
		b.Until("a part of the records requested", func() bool { n, _, _ := tg.Counts(); return n >= enough })
		p.Kill()
		b.Until("nothing in flight", func() bool { _, _, inFlight := tg.Counts(); return inFlight == 0 })
		b.Until("the server gone", func() bool { return !b.Listens(address) })
		next := tg.Next()
		p = b.Embedded("state", args...)
		up := b.Answers(address)
		b.Until("a request after the kill", func() bool { return len(next) > 0 })
		total.back = append(total.back, (<-next).Sub(up))
	}
	p.Ended(0)
	b.Same("out", harness.Oracle(records))
	b.Tidy("out")
	t.Logf("longhaul run with its own server: %s", total.recovery())
}
