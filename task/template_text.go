package task

import (
	"fmt"
	"io"
	"strings"
	"text/template/parse"
)

// textTemplate makes text of a record: the value of a header, or a body.
type textTemplate struct {
	full  *bounded
	parts []part // the same, where the template is no more than text and the record
}

// parseText parses a template of text. A value stands in it as printed prints it, unless the template says otherwise.
func parseText(text string) (*textTemplate, error) {
	t, err := parseBounded("template", text)
	if err != nil {
		return nil, err
	}
	for _, each := range t.template.Templates() {
		printText(each.Root)
	}
	return &textTemplate{full: t, parts: plain(t.template.Root)}, nil
}

// constant returns the template's text where it is the same for every record.
func (t *textTemplate) constant() (string, bool) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.record {
			return "", false
		}
		b.WriteString(p.text)
	}
	return b.String(), t.parts != nil
}

// execute makes the text of a record, of limit bytes at most.
func (t *textTemplate) execute(r *subject, limit int) ([]byte, error) {
	out := &limited{limit: limit}
	err := t.write(out, r)
	if out.exceeded {
		return nil, fmt.Errorf("more than %s", size(int64(limit)))
	}
	return out.buf.Bytes(), err
}

func (t *textTemplate) write(w io.Writer, r *subject) error {
	if t.parts == nil || r.JSON {
		v, err := r.decoded()
		if err != nil {
			return err
		}
		return t.full.Execute(w, v, len(r.Input))
	}
	record := string(r.Input)
	for _, p := range t.parts {
		s, err := p.of(record)
		if err == nil {
			_, err = io.WriteString(w, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// subject is a record whose value is decoded once for all templates over it.
type subject struct {
	Record
	value any
	err   error
	known bool
}

func (s *subject) decoded() (any, error) {
	if !s.known {
		s.value, s.err = s.Record.value()
		s.known = true
	}
	return s.value, s.err
}

// printText has each value that a template prints pass through printed.
func printText(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				pass(n, "text")
			}
		case *parse.IfNode:
			printText(n.List)
			printText(n.ElseList)
		case *parse.WithNode:
			printText(n.List)
			printText(n.ElseList)
		case *parse.RangeNode:
			printText(n.List)
			printText(n.ElseList)
		}
	}
}

// size is a number of bytes for people.
func size(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}
