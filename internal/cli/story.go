package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/longhaul/longhaul/job"
	"github.com/longhaul/longhaul/task"
)

// What a job's page in Temporal's Web UI says of it from the start on.

const (
	// maxSummary and maxDetails are the server's bounds, in bytes.
	maxSummary = 400
	maxDetails = 20_000
	// maxShown is how much of one value the details show, in bytes.
	maxShown = 2_000
)

// summaryOf is one line about a job.
func summaryOf(s job.Spec) string {
	from := s.Input[0]
	if n := len(s.Input); n > 1 {
		from = fmt.Sprintf("%s and %d more", from, n-1)
	}
	text := fmt.Sprintf("%s: %s → %s", s.Task.Name, from, s.Output)
	if len(text) > maxSummary { // the ends of paths tell most
		text = fmt.Sprintf("%s: %s → %s", s.Task.Name, end(from, 150), end(s.Output, 150))
	}
	return clip(text, maxSummary)
}

// detailsOf is a job's details in Markdown: what it maps, where to, and by which command one comes back to it. args is that command, without the
// program's name; empty where it is not known.
func (p *Program) detailsOf(s job.Spec, args []string) string {
	var b strings.Builder
	row := func(name, value string) { fmt.Fprintf(&b, "| %s | %s |\n", name, value) }
	b.WriteString("| job | |\n|:--|:--|\n")
	inputs := make([]string, 0, len(s.Input))
	for _, path := range s.Input[:min(len(s.Input), 5)] {
		inputs = append(inputs, code(path))
	}
	if more := len(s.Input) - len(inputs); more > 0 {
		inputs = append(inputs, fmt.Sprintf("and %d more", more))
	}
	row("input", strings.Join(inputs, ", ")+" ("+string(s.InputFormat)+")")
	row("task", strings.TrimSpace(s.Task.Name+" "+doing(s.Task)))
	order := "in the input's order"
	if s.Order == job.OrderCompletion {
		order = "in the order of completion"
	}
	row("output", code(s.Output)+" ("+string(s.Format)+", "+order+")")
	row("failed records", code(job.ErrorsPath(s.Output)))
	row("at most", fmt.Sprintf("%d in flight, %d tries of %s each", s.Concurrency, s.Retry.MaximumAttempts, s.Timeout))
	if len(args) > 0 {
		line, left := commandOf(p.Name, args)
		b.WriteString("\nThe same command comes back to the job, or resumes it:\n\n```\n")
		if dir, err := os.Getwd(); err == nil {
			fmt.Fprintf(&b, "cd %s\n", task.CommandLine([]string{dir}))
		}
		b.WriteString(clip(strings.ReplaceAll(line, "```", "'''"), maxDetails/2) + "\n```\n")
		if left {
			b.WriteString("\nWhat is secret is left out (…).\n")
		}
	}
	return clip(b.String(), maxDetails)
}

// doing is what a task does for each record, as far as its arguments say so in one value.
func doing(t job.Task) string {
	var a struct {
		Method, URL, Shell, Activity, Queue string
		Command                             []string
	}
	if json.Unmarshal(t.Args, &a) != nil {
		return ""
	}
	switch {
	case a.URL != "":
		return code(strings.TrimSpace(a.Method + " " + withoutPasswords(a.URL)))
	case len(a.Command) > 0:
		return code(withoutPasswords(task.CommandLine(a.Command)))
	case a.Activity != "":
		return code(a.Activity + " on " + a.Queue)
	}
	return ""
}

// commandOf writes a command line as one would type it, without what is secret in it, and says whether something is left out.
func commandOf(program string, args []string) (line string, left bool) {
	shown := []string{program}
	header := false
	for i, arg := range args {
		if arg == "--" {
			shown = append(shown, args[i:]...)
			break
		}
		if name, _, ok := strings.Cut(arg, "="); ok && secretFlag(name) {
			arg = name + "=…"
		} else if i > 0 && secretFlag(args[i-1]) {
			arg = "…"
		} else if value, ok := strings.CutPrefix(arg, "--header="); ok || header {
			if !ok {
				value = arg
			}
			if name, _, found := strings.Cut(value, ":"); found && secretHeader.MatchString(name) {
				arg = strings.TrimSuffix(arg, value) + name + ": …"
			}
		}
		header = arg == "--header" || arg == "-H"
		shown = append(shown, arg)
	}
	line = withoutPasswords(task.CommandLine(shown))
	return line, strings.Contains(line, "…") && line != task.CommandLine(append([]string{program}, args...))
}

// secretFlag says whether a flag's value is not for others.
func secretFlag(name string) bool {
	return name == "--api-key" || name == "--codec-auth" || name == "--grpc-meta"
}

var (
	secretHeader = regexp.MustCompile(`(?i)auth|cookie|token|secret|key|password`)
	password     = regexp.MustCompile(`(://[^/@:\s]*:)[^/@\s]+@`)
)

// withoutPasswords leaves the passwords of URLs out.
func withoutPasswords(text string) string { return password.ReplaceAllString(text, "${1}…@") }

// code has Markdown show a value as it is.
func code(text string) string {
	return "`" + strings.NewReplacer("`", "'", "|", "¦", "\n", " ", "\r", " ").Replace(clip(text, maxShown)) + "`"
}

// clip returns the beginning of a text, n bytes at most.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n-len("…")], "") + "…"
}

// end returns the end of a text, n bytes at most.
func end(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return "…" + strings.ToValidUTF8(text[len(text)-n+len("…"):], "")
}
