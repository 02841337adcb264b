package shape

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/itchyny/gojq"

	"github.com/longhaul/longhaul/task"
)

// An expression may be a stranger's. gojq looks at its context between two operations and never within one, so what a single operation may make, or take, is bounded here: the
// operations that can be asked for far more than their operands are large are given checks in the expression's syntax tree. Values that share their parts are the reason for most:
// forty times [.,.] makes a small value that is a trillion long once it is written, compared or sorted.

// The names of the checks. No expression can define such a name.
const (
	checkMeasured = "_measured" // the value, unless it is too large when it is written
	checkPart     = "_part"     // the same of a part of a text, of which there are several
	checkShort    = "_short"    // the value, unless it is a text too long to be taken apart by a pattern
	checkIndex    = "_place"    // the value, unless it is a number that is no place in an array
	checkPath     = "_path"     // the same for a path
	checkTimes    = "_times"    // its input, unless the product of two values would be too large
	checkSum      = "_sum"      // a sum, unless it is too large
	checkJoined   = "_joined"   // its input, unless that joined by a text would be too large
)

const (
	// maxValue bounds a value within an expression, in bytes as it would be written: room for an input and what is made of it.
	maxValue = 2 * task.MaxResult
	// maxDepth bounds how deep arrays and objects lie in each other, which recursion pays for; encoding/json has the same.
	maxDepth = 10_000
	// maxSearched bounds a text in which all matches of a pattern are looked for, in bytes: each may make an object.
	maxSearched = 1 << 20
	// maxPlace bounds a place in an array.
	maxPlace = 1 << 24
	// maxBits bounds the factors of a product of integers.
	maxBits = 1 << 16
)

var errLarge = errors.New("a value is too large")

// size is about how many bytes a value has when it is written, and -1 where it has more than most, or is too deep.
func size(v any, most, depth int) int {
	n := 8
	switch v := v.(type) {
	case string:
		n = len(v) + 2
	case *big.Int:
		n = v.BitLen()/3 + 2
	case []any:
		n = 2
		for _, v := range v {
			m := -1
			if depth > 0 && n <= most {
				m = size(v, most-n, depth-1)
			}
			if m < 0 {
				return -1
			}
			n += m + 1
		}
	case map[string]any:
		n = 2
		for k, v := range v {
			m := -1
			if depth > 0 && n <= most {
				m = size(v, most-n, depth-1)
			}
			if m < 0 {
				return -1
			}
			n += m + len(k) + 4
		}
	}
	if n > most {
		return -1
	}
	return n
}

// checks are the functions behind the names.
func checks() []gojq.CompilerOption {
	within := func(most int) func(any, []any) any {
		return func(v any, _ []any) any {
			n := size(v, most, maxDepth)
			if n < 0 {
				return errLarge
			}
			note(n)
			return v
		}
	}
	return []gojq.CompilerOption{
		gojq.WithFunction(checkMeasured, 0, 0, within(maxValue)),
		gojq.WithFunction(checkPart, 1, 1, func(v any, args []any) any {
			parts, _ := args[0].(int)
			return within(min(maxValue, 4*maxValue/max(1, parts)))(v, nil)
		}),
		gojq.WithFunction(checkShort, 0, 0, func(v any, _ []any) any {
			if s, ok := v.(string); ok && len(s) > maxSearched {
				return fmt.Errorf("a text of %d bytes is too long for that (it may have %d)", len(s), maxSearched)
			}
			return v
		}),
		gojq.WithFunction(checkIndex, 0, 0, func(v any, _ []any) any { return place(v) }),
		gojq.WithFunction(checkPath, 0, 0, func(v any, _ []any) any {
			if path, ok := v.([]any); ok {
				for _, p := range path {
					if err, bad := place(p).(error); bad {
						return err
					}
				}
			}
			return v
		}),
		gojq.WithFunction(checkTimes, 2, 2, func(v any, args []any) any {
			if !mayMultiply(args[0], args[1]) || !mayMultiply(args[1], args[0]) {
				return errLarge
			}
			return v
		}),
		gojq.WithFunction(checkSum, 0, 0, func(v any, _ []any) any {
			n := 0
			switch v := v.(type) {
			case string:
				n = len(v)
			case []any:
				n = 8 * len(v) // there is no shorter text of so many
			case map[string]any:
				n = 8 * len(v)
			}
			note(n)
			if n > maxValue {
				return errLarge
			}
			return v
		}),
		gojq.WithFunction(checkJoined, 1, 1, func(v any, args []any) any {
			list, _ := v.([]any)
			between, _ := args[0].(string)
			n := size(v, maxValue, maxDepth)
			if n < 0 || n+len(list)*len(between) > maxValue {
				return errLarge
			}
			note(n + len(list)*len(between))
			return v
		}),
	}
}

// place returns a value that is no number, or one that can be a place in an array; or an error.
func place(v any) any {
	n, ok := gojq.ToFloat64(v)
	if ok && n > maxPlace {
		return fmt.Errorf("%v is no place in an array (there are %d)", gojq.Preview(v), maxPlace)
	}
	if o, slice := v.(map[string]any); slice { // of a path
		for _, at := range o {
			if err, bad := place(at).(error); bad {
				return err
			}
		}
	}
	return v
}

func mayMultiply(a, b any) bool {
	switch a := a.(type) {
	case string:
		n, ok := gojq.ToFloat64(b)
		note(int(min(max(0, n*float64(len(a))), maxValue)))
		return !ok || n*float64(len(a)) <= maxValue
	case *big.Int:
		return a.BitLen() <= maxBits
	default:
		return size(a, maxValue, maxDepth) >= 0
	}
}

// Functions whose cost is that of their input when it is written, and of their arguments.
var deep = map[string]bool{
	"tojson": true, "tostring": true, "add": true, "flatten": true, "implode": true, "error": true, "contains": true, "inside": true, "indices": true, "index": true, "rindex": true,
	"min": true, "min_by": true, "max": true, "max_by": true, "sort": true, "sort_by": true, "group_by": true, "unique": true, "unique_by": true, "bsearch": true, "format": true,
	"transpose": true, "IN": true, "in": true, "has": true, "ltrimstr": true, "rtrimstr": true, "trimstr": true, "split": true, "ascii_downcase": true, "ascii_upcase": true, "trim": true,
	"ltrim": true, "rtrim": true, "explode": true, "reverse": true, "keys": true, "combinations": true, "fromjson": true,
}

// Functions that look for all matches of a pattern.
var searching = map[string]bool{"match": true, "capture": true, "scan": true, "splits": true, "sub": true, "gsub": true}

// bounder adds the checks to a syntax tree.
type bounder struct{ err error }

// bound adds the checks to an expression.
func bound(q *gojq.Query) error {
	var b bounder
	b.walk(reflect.ValueOf(q))
	return b.err
}

// walk visits what hangs below a node, and then the node.
func (b *bounder) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			b.walk(v.Elem())
			b.node(v.Interface())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			b.walk(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			b.walk(v.Index(i))
		}
	}
}

func (b *bounder) node(n any) {
	switch n := n.(type) {
	case *gojq.FuncDef:
		b.name(n.Name)
		for _, arg := range n.Args {
			b.name(arg)
		}
	case *gojq.Index:
		n.Start, n.End = b.index(n.Start), b.index(n.End)
	case *gojq.String:
		for i, q := range n.Queries {
			if q.Term != nil && q.Term.Str != nil {
				continue // text between the parts
			}
			q = then(q, fmt.Sprintf("%s(%d)", checkPart, len(n.Queries)))
			n.Queries[i] = &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: q}}
		}
	case *gojq.Query:
		operator(n)
	case *gojq.Term:
		if n.Type == gojq.TermTypeFunc {
			b.name(n.Func.Name)
			call(n)
		}
		if n.Type == gojq.TermTypeFormat && n.Str == nil {
			first(n, checkMeasured)
		}
	}
}

// index has what stands in brackets pass a check. A number that is written there is checked at once.
func (b *bounder) index(q *gojq.Query) *gojq.Query {
	if q == nil || q.Term == nil || q.Term.Type != gojq.TermTypeNumber || len(q.Term.SuffixList) > 0 {
		return then(q, checkIndex)
	}
	if err, bad := place(json.Number(q.Term.Number)).(error); bad && b.err == nil {
		b.err = err
	}
	return q
}

// name refuses a name that is gojq's own or one of the checks.
func (b *bounder) name(name string) {
	if strings.HasPrefix(name, "_") && b.err == nil {
		b.err = fmt.Errorf("%s: names that begin with _ are not allowed", name)
	}
}

// operator adds checks to an operator that may take or make much.
func operator(q *gojq.Query) {
	switch q.Op {
	case gojq.OpEq, gojq.OpNe, gojq.OpGt, gojq.OpLt, gojq.OpGe, gojq.OpLe, gojq.OpSub, gojq.OpDiv:
		q.Left, q.Right = then(q.Left, checkMeasured), then(q.Right, checkMeasured)
	case gojq.OpMul: // the right side is the outer loop, as ever
		*q = *written("_right as $_r | _left as $_l | ("+checkTimes+"($_l; $_r) | $_l * $_r)", q.Left, q.Right)
	case gojq.OpAdd:
		*q = *written("(_left + _right) | "+checkSum, q.Left, q.Right)
	case gojq.OpUpdateAdd:
		*q = *written("_right as $_r | _left |= (. + $_r | "+checkSum+")", q.Left, q.Right)
	case gojq.OpUpdateMul:
		*q = *written("_right as $_r | _left |= ("+checkTimes+"(.; $_r) | . * $_r)", q.Left, q.Right)
	case gojq.OpUpdateSub:
		*q = *written("(_right | "+checkMeasured+") as $_r | _left |= ("+checkMeasured+" | . - $_r)", q.Left, q.Right)
	case gojq.OpUpdateDiv:
		*q = *written("(_right | "+checkMeasured+") as $_r | _left |= ("+checkMeasured+" | . / $_r)", q.Left, q.Right)
	}
}

// call adds checks to the call of a function that may take or make much.
func call(t *gojq.Term) {
	f := t.Func
	switch {
	case f.Name == "add" && len(f.Args) == 1:
		replace(t, written("[_left] | "+checkMeasured+" | add", f.Args[0], nil))
	case f.Name == "join" && len(f.Args) == 1:
		replace(t, written(". as $_v | _left as $_l | $_v | "+checkJoined+"($_l) | join($_l)", f.Args[0], nil))
	case f.Name == "setpath" && len(f.Args) == 2, f.Name == "getpath" && len(f.Args) == 1:
		f.Args[0] = then(f.Args[0], checkPath)
	case f.Name == "nth" && len(f.Args) > 0:
		f.Args[0] = then(f.Args[0], checkIndex)
	case f.Name == "fromstream" && len(f.Args) == 1:
		f.Args[0] = written("_left | (.[0] | "+checkPath+") as $_p | .", f.Args[0], nil)
	case searching[f.Name]:
		first(t, checkShort)
	case deep[f.Name]:
		for i := range f.Args {
			f.Args[i] = then(f.Args[i], checkMeasured)
		}
		first(t, checkMeasured)
	}
}

// then has what an expression makes pass a check.
func then(q *gojq.Query, check string) *gojq.Query {
	if q == nil {
		return nil
	}
	return written("_left | "+check, q, nil)
}

// first has the input of a term pass a check.
func first(t *gojq.Term, check string) {
	own := *t
	own.SuffixList = nil
	replace(t, written(check+" | _left", &gojq.Query{Term: &own}, nil))
}

// replace puts an expression in the place of a term; what follows it stays.
func replace(t *gojq.Term, q *gojq.Query) {
	*t = gojq.Term{Type: gojq.TermTypeQuery, Query: q, SuffixList: t.SuffixList}
}

// written parses an expression in which _left and _right stand for others.
func written(text string, left, right *gojq.Query) *gojq.Query {
	q, err := gojq.Parse(text)
	if err != nil {
		panic(err) // the texts are this file's
	}
	put(reflect.ValueOf(q), map[string]*gojq.Query{"_left": left, "_right": right})
	return q
}

// put replaces the places of a written expression.
func put(v reflect.Value, places map[string]*gojq.Query) {
	switch v.Kind() {
	case reflect.Pointer:
		if t, ok := v.Interface().(*gojq.Term); ok && t != nil && t.Type == gojq.TermTypeFunc {
			if q := places[t.Func.Name]; q != nil {
				replace(t, q)
				return
			}
		}
		if !v.IsNil() {
			put(v.Elem(), places)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			put(v.Field(i), places)
		}
	case reflect.Slice:
		for i := range v.Len() {
			put(v.Index(i), places)
		}
	}
}
