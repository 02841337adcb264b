package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/longhaul/longhaul/tests/harness"
)

// terminal is a terminal of tmux.
type terminal struct {
	b      *harness.Bench
	socket string
}

// newTerminal runs a command line in a terminal of that many columns.
func newTerminal(b *harness.Bench, columns int, line string) *terminal {
	b.T.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		b.T.Fatal("tmux is missing: install it (make counterparts)")
	}
	w := &terminal{b, b.Path(fmt.Sprint("tmux-", columns))}
	w.tmux("new-session", "-d", "-x", fmt.Sprint(columns), "-y", "24", "-c", b.Dir, line+"; echo exit $?; exec sleep 1000")
	b.T.Cleanup(func() { _ = exec.Command("tmux", "-S", w.socket, "kill-server").Run() })
	return w
}

func (w *terminal) tmux(args ...string) string {
	w.b.T.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", w.socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
	if err != nil {
		w.b.T.Fatalf("tmux %s: %v\n%s", args, err, out)
	}
	return string(out)
}

// screen is what is to be seen, without empty lines.
func (w *terminal) screen() (lines []string) {
	for line := range strings.Lines(w.tmux("capture-pane", "-p")) {
		if line = strings.TrimRight(line, "\n "); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// shows waits until a line of the screen holds all the texts, and returns the screen.
func (w *terminal) shows(texts ...string) (lines []string) {
	w.b.T.Helper()
	w.b.Until(fmt.Sprintf("%q on the screen", texts), func() bool {
		lines = w.screen()
		for _, l := range lines {
			all := true
			for _, text := range texts {
				all = all && strings.Contains(l, text)
			}
			if all {
				return true
			}
		}
		return false
	})
	return lines
}

// bars counts the bars on a screen: a line that was drawn and not taken back would leave a second.
func bars(lines []string) (n int) {
	for _, l := range lines {
		if strings.Contains(l, "% [") && strings.Contains(l, "]") {
			n++
		}
	}
	return n
}

// TestKeysLeaveTheBarAsItIs presses keys, which the terminal echoes beside the bar; then Ctrl-C, which is echoed too.
func TestKeysLeaveTheBarAsItIs(t *testing.T) {
	b := harness.NewAlone(t)
	tg := harness.NewTarget(t, harness.Fixed(0))
	tg.Gate = make(chan struct{})
	tg.Held = func(record string) bool { return len(record) == 3 }
	b.Write("in", harness.Lines(400))
	harness.Must(t, harness.FreePorts(b.Path("state")))
	w := newTerminal(b, 80, fmt.Sprintf("NO_COLOR=1 %s run in --output out --http %s/{{.}} --concurrency 4 --timeout 1h --embedded --state-dir state --stop-timeout 1s", harness.LonghaulProgram, tg.URL))
	w.shows("99 of 400  24% [")
	w.tmux("send-keys", "xyz")
	b.Until("one bar, and nothing else", func() bool {
		screen := strings.Join(w.screen(), "\n")
		return strings.Count(screen, "% [") == 1 && strings.Contains(screen, "\n99 of 400  24% [") && !strings.Contains(screen, "xyz")
	})
	w.tmux("send-keys", "C-c")
	screen := strings.Join(w.shows("exit 130"), "\n")
	if strings.Count(screen, "% [") != 1 || !strings.Contains(screen, "\n99 of 400  24% [") || !strings.Contains(screen, "stopped; the same command resumes the job") {
		t.Errorf("what is left:\n%s", screen)
	}
}

// TestTheBarOnATerminal looks at the bar of a job on narrow and on wide terminals: at work, held up by one record, and complete.
func TestTheBarOnATerminal(t *testing.T) {
	const n = 400
	for _, columns := range []int{40, 80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			t.Parallel()
			b := harness.NewAlone(t)
			tg := harness.NewTarget(t, harness.Fixed(0))
			tg.Gate = make(chan struct{})
			tg.Held = func(record string) bool { return record == "5" }
			tg.Refuses = func(record string) bool { return record == "9" }
			b.Write("in", harness.Lines(n))
			harness.Must(t, harness.FreePorts(b.Path("state")))
			w := newTerminal(b, columns, fmt.Sprintf("NO_COLOR=1 %s run in --output out --http %s/{{.}} --concurrency 4 --timeout 1h --embedded --state-dir state", harness.LonghaulProgram, tg.URL))
			screen := w.shows("held up by record 4 for ")
			t.Logf("at work:\n%s", strings.Join(screen, "\n"))
			if got := bars(screen); got != 1 {
				t.Errorf("%d bars on the screen", got)
			}
			for _, line := range screen {
				if utf8.RuneCountInString(line) > columns {
					t.Errorf("%d columns: %q", columns, line)
				}
			}
			if columns >= 80 {
				w.shows("of 400", "% [", "] 1 failed")
				w.shows("/s now, ", "/s avg, ", " of 4 in flight, ", " ahead")
			}
			close(tg.Gate)
			screen = w.shows("exit 3")
			t.Logf("complete:\n%s", strings.Join(screen, "\n"))
			if got := bars(screen); got != 1 {
				t.Errorf("%d bars on the last screen", got)
			}
			for _, line := range screen {
				if strings.Contains(line, "held up") || strings.Contains(line, "waiting") {
					t.Errorf("left on the screen: %s", line)
				}
			}
			w.shows("done: 400 records, 1 failed")
			if columns >= 80 {
				w.shows("400 of 400 100% [", "=] 1 failed")
			}
		})
	}
}
