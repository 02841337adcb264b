package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/template/parse"
	"unicode/utf8"
)

// functions are what a template may call beside those of text/template.
var functions = map[string]func(any) (string, error){
	"pathescape":  func(v any) (string, error) { return url.PathEscape(printed(v)), nil },
	"queryescape": func(v any) (string, error) { return url.QueryEscape(printed(v)), nil },
	"urlquery":    func(v any) (string, error) { return url.QueryEscape(printed(v)), nil },
	"raw":         func(v any) (string, error) { return printed(v), nil },
	"text":        func(v any) (string, error) { return printed(v), nil },
	"component":   component,
	"json":        toJSON,
}

// printed is a value as a template prints it: text as it is, what else JSON has as JSON.
func printed(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "null"
	case map[string]any, []any:
		if s, err := toJSON(v); err == nil {
			return s
		}
	}
	return fmt.Sprint(v)
}

// toJSON is a value as JSON, the names of an object sorted, with no more escaped than JSON asks for.
func toJSON(v any) (string, error) {
	if s, ok := v.(string); ok && !utf8.ValidString(s) {
		return "", errors.New("it is not UTF-8, which a JSON string must be")
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// component escapes a value wherever it stands after the host: as one path segment and as a query component alike. A segment of dots alone
// would be taken for a step between folders (RFC 3986 section 3.3), however it is spelled.
func component(v any) (string, error) {
	s := printed(v)
	if s == "." || s == ".." {
		return "", fmt.Errorf("%q cannot be a part of a path", s)
	}
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), nil
}

// escapers are the functions after which parseURL adds no other.
var escapers = map[string]bool{"component": true, "pathescape": true, "queryescape": true, "urlquery": true, "raw": true}

// urlTemplate makes the URL of a record.
type urlTemplate struct {
	full  *bounded
	parts []part // the same, where the template is no more than text and the record
}

// part is text, or the record's place: escaped by a function, or as it is.
type part struct {
	text   string
	record bool
	escape func(any) (string, error)
}

// execute makes the URL of a record, of maxURL bytes at most.
func (t *urlTemplate) execute(r Record) (string, error) {
	var b strings.Builder
	w := &limitedWriter{w: &b, left: maxURL}
	if t.parts == nil || r.JSON {
		v, err := r.value()
		if err != nil {
			return "", err
		}
		return t.of(v, len(r.Input))
	}
	record := string(r.Input)
	for _, p := range t.parts {
		s, err := p.of(record)
		if err == nil {
			_, err = io.WriteString(w, s)
		}
		if err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// of makes the URL of the value of a record of size bytes.
func (t *urlTemplate) of(v any, size int) (string, error) {
	var b strings.Builder
	err := t.full.Execute(&limitedWriter{w: &b, left: maxURL}, v, size)
	return b.String(), err
}

func (p part) of(record string) (string, error) {
	switch {
	case !p.record:
		return p.text, nil
	case p.escape == nil:
		return record, nil
	}
	return p.escape(record)
}

// plain takes a template apart, which saves most of its time; nil where it is more than text and {{.}}, escaped or not.
func plain(l *parse.ListNode) []part {
	parts := make([]part, 0, len(l.Nodes))
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			if len(n.Text) > 0 {
				parts = append(parts, part{text: string(n.Text)})
			}
		case *parse.ActionNode:
			p, ok := record(n.Pipe)
			if !ok {
				return nil
			}
			parts = append(parts, p)
		default:
			return nil
		}
	}
	return parts
}

// record reads the pipelines {{.}} and {{. | escaper}}.
func record(pipe *parse.PipeNode) (part, bool) {
	if len(pipe.Decl) > 0 || len(pipe.Cmds) > 2 || len(pipe.Cmds[0].Args) != 1 || pipe.Cmds[0].Args[0].Type() != parse.NodeDot {
		return part{}, false
	}
	if len(pipe.Cmds) == 1 {
		return part{record: true}, true
	}
	id, ok := pipe.Cmds[1].Args[0].(*parse.IdentifierNode)
	if !ok || len(pipe.Cmds[1].Args) != 1 {
		return part{}, false
	}
	if id.Ident == "raw" || id.Ident == "text" {
		return part{record: true}, true
	}
	f, ok := functions[id.Ident]
	return part{record: true, escape: f}, ok
}

// parseURL parses the template of a URL. A value that it puts into the path or the query is escaped as one component of it (RFC 3986
// sections 3.3 and 3.4), unless the template escapes it itself or says raw; one that stands first, or in the host, is part of the URL as it is.
func parseURL(text string) (*urlTemplate, error) {
	t, err := parseBounded("url", text)
	if err != nil {
		return nil, err
	}
	e := urlEscaper{}
	if e.list(t.template.Root); e.nested {
		return nil, errors.New("the template of a URL cannot call another template")
	}
	u := &urlTemplate{full: t, parts: plain(t.template.Root)}
	return u, checkURL(u)
}

// urlEscaper walks a template and follows which part of the URL it is in.
type urlEscaper struct {
	before string
	nested bool // a template calls another, which stands in no one place
}

func (e *urlEscaper) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			e.before += string(n.Text)
		case *parse.ActionNode:
			e.action(n)
		case *parse.IfNode:
			e.branches(n.BranchNode)
		case *parse.WithNode:
			e.branches(n.BranchNode)
		case *parse.RangeNode:
			e.branches(n.BranchNode)
		case *parse.TemplateNode:
			e.nested = true
		}
	}
}

// branches walks two ways to go on from the same place. What follows comes after either.
func (e *urlEscaper) branches(n parse.BranchNode) {
	before := e.before
	e.list(n.List)
	after := e.before
	e.before = before
	e.list(n.ElseList)
	e.before = after + e.before[len(before):]
}

func (e *urlEscaper) action(n *parse.ActionNode) {
	if len(n.Pipe.Decl) > 0 {
		return
	}
	last := n.Pipe.Cmds[len(n.Pipe.Cmds)-1]
	if id, ok := last.Args[0].(*parse.IdentifierNode); ok && escapers[id.Ident] {
		return
	}
	pass(n, e.escaper())
}

// pass has what an action prints pass through a function.
func pass(n *parse.ActionNode, function string) {
	n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
		NodeType: parse.NodeCommand, Pos: n.Pos,
		Args: []parse.Node{parse.NewIdentifier(function).SetPos(n.Pos)},
	})
}

// escaper names the function for a value at this point.
func (e *urlEscaper) escaper() string {
	_, rest, found := strings.Cut(e.before, "://")
	switch {
	case strings.Contains(e.before, "?"):
		return "queryescape"
	case strings.HasPrefix(e.before, "/"), found && strings.Contains(rest, "/"), e.before != "" && !found:
		return "component"
	}
	return "text"
}
