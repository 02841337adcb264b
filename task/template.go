package task

import (
	"encoding/json"
	"net/url"
	"strings"
	"text/template"
	"text/template/parse"
)

// functions are what a template may call beside those of text/template.
var functions = template.FuncMap{
	"pathescape":  url.PathEscape,
	"queryescape": url.QueryEscape,
	"raw":         func(s string) string { return s },
	"json": func(v any) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
	},
}

// escapers are the functions after which parseURL adds no other.
var escapers = map[string]bool{"pathescape": true, "queryescape": true, "urlquery": true, "raw": true}

// parseURL parses the template of a URL. A value that it puts into the path is escaped as one path segment, one in the query as a
// query component (RFC 3986 sections 3.3 and 3.4), unless the template escapes it itself or says raw; one
// that stands first, or in the host, is part of the URL as it is.
func parseURL(text string) (*template.Template, error) {
	t, err := template.New("url").Funcs(functions).Parse(text)
	if err != nil {
		return nil, err
	}
	e := urlEscaper{}
	e.list(t.Root)
	return t, checkURL(t)
}

// urlEscaper walks a template and follows which part of the URL it is in.
type urlEscaper struct{ before string }

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
			e.list(n.List)
			e.list(n.ElseList)
		case *parse.WithNode:
			e.list(n.List)
			e.list(n.ElseList)
		case *parse.RangeNode:
			e.list(n.List)
			e.list(n.ElseList)
		}
	}
}

func (e *urlEscaper) action(n *parse.ActionNode) {
	if len(n.Pipe.Decl) > 0 {
		return
	}
	last := n.Pipe.Cmds[len(n.Pipe.Cmds)-1]
	if id, ok := last.Args[0].(*parse.IdentifierNode); ok && escapers[id.Ident] {
		return
	}
	if name := e.escaper(); name != "" {
		n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
			NodeType: parse.NodeCommand, Pos: n.Pos,
			Args: []parse.Node{parse.NewIdentifier(name).SetPos(n.Pos)},
		})
	}
}

// escaper names the function for a value at this point.
func (e *urlEscaper) escaper() string {
	_, rest, found := strings.Cut(e.before, "://")
	switch {
	case strings.Contains(e.before, "?"):
		return "queryescape"
	case strings.HasPrefix(e.before, "/"), found && strings.Contains(rest, "/"), e.before != "" && !found:
		return "pathescape"
	}
	return ""
}
