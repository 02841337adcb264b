package shape

import (
	"encoding/json"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/itchyny/gojq"
)

// TestAnExpressionBombFails in little time, and in memory that is bounded.
func TestAnExpressionBombFails(t *testing.T) {
	const tower = `reduce range(60) as $i (1; [., .]) | `
	const large, steps, memory = "a value is too large", "it takes too long: ", "it takes too much memory: "
	for bomb, want := range map[string]string{
		`[range(1e12)]`:                                     steps + "|" + memory,
		`range(1e12) | empty`:                               steps,
		`def f: f; f`:                                       steps + "|" + memory,
		`[repeat(1)]`:                                       steps + "|" + memory,
		`"x" * 1e12`:                                        large,
		`1e9 * "x"`:                                         large,
		`"x" as $x | $x * 1e9`:                              large,
		`.x = "x" | .x *= 1e9`:                              large,
		`reduce range(60) as $i ("x"; . * 2)`:               large,
		`reduce range(60) as $i ("xxxx"; . + .)`:            large + "|" + memory,
		`reduce range(60) as $i ([1]; . + .)`:               large + "|" + memory,
		`.x = "xxxx" | until(false; .x += .x)`:              large + "|" + memory,
		`reduce range(60) as $i (10; . * .)`:                large,
		`reduce range(60) as $i ("<"; @html "\(.)\(.)")`:    large + "|" + memory,
		`reduce range(60) as $i ("x"; "\(.)\(.)")`:          large,
		tower + `.`:                                         large,
		tower + `tojson`:                                    large,
		tower + `tostring`:                                  large,
		tower + `@json`:                                     large,
		tower + `"\(.)"`:                                    large,
		tower + `. == .`:                                    large,
		tower + `. as $x | [$x] | index($x)`:                large,
		tower + `[., .] | sort`:                             large,
		tower + `[., .] | unique_by(.)`:                     large,
		tower + `[., .] | min_by(.)`:                        large,
		tower + `. - .`:                                     large,
		tower + `. < [1]`:                                   large,
		tower + `contains([1])`:                             large,
		tower + `flatten`:                                   large,
		tower + `error`:                                     large,
		tower + `error(.)`:                                  large,
		tower + `{a: .} * {a: .}`:                           large,
		tower + `[..]`:                                      steps + "|" + memory,
		tower + `walk(.)`:                                   steps + "|" + memory,
		`reduce range(1e8) as $i (1; [.])`:                  steps + "|" + memory + "|" + large,
		`reduce range(1e5) as $i (1; [.]) | tojson`:         large,
		`("x" * 1e7) as $x | [range(100) | $x] | add`:       large,
		`("x" * 1e7) as $x | add(range(1000) | $x)`:         large,
		`("x" * 1e7) as $x | [range(1000)] | join($x)`:      large,
		`("x" * 1e7) as $x | [range(1000) | $x] | join("")`: large,
		`("x" * 1e7) | [match(""; "g")]`:                    "too long for that",
		`("x" * 1e7) | gsub(""; "y")`:                       "too long for that",
		`[] | .[5e8] = 1`:                                   "no place in an array",
		`null | setpath([5e8]; 1)`:                          "no place in an array",
		`null | .[5e8:5e8+1] = [1]`:                         "no place in an array",
		`null | getpath([5e8]) = 1`:                         "no place in an array",
		`null | setpath([{"start":5e8,"end":5e8}]; [1])`:    "no place in an array",
		`[1] | nth(5e8) = 1`:                                "no place in an array",
		`null | pick(.[5e8])`:                               "no place in an array",
		`fromstream([[5e8], 1], [[5e8]])`:                   "no place in an array",
	} {
		t.Run(bomb, func(t *testing.T) {
			e, err := Parse("select", bomb)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err == nil {
				_, _, err = e.Shape(t.Context(), []byte("null"), true)
			}
			runtime.ReadMemStats(&after)
			if mib := (after.Sys - before.Sys) >> 20; after.Sys > before.Sys && mib > 2<<10 {
				t.Errorf("it took %d MiB of the system's", mib)
			}
			for _, w := range strings.Split(want, "|") {
				if err != nil && strings.Contains(err.Error(), w) {
					return
				}
			}
			t.Errorf("%.300v, want %s", err, want)
		})
	}
}

// TestNoExpressionReachesWhatIsGojqsOwn, or what keeps it within bounds.
func TestNoExpressionReachesWhatIsGojqsOwn(t *testing.T) {
	for _, text := range []string{`_multiply("x"; 1e9)`, `_equal(.; .)`, `def _measured: .; .`, `def f(_part): .; .`, `[.[] | _sort_by(.)]`, `.a |= _add(.; .)`} {
		if _, err := Parse("select", text); err == nil || !strings.Contains(err.Error(), "names that begin with _ are not allowed") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestNoExpressionReachesOutOfItsValue: what jq itself has for that is refused before the job begins.
func TestNoExpressionReachesOutOfItsValue(t *testing.T) {
	for text, want := range map[string]string{
		`env`: "the environment is out of reach", `$ENV.HOME`: "the environment is out of reach", `env.HOME`: "the environment is out of reach", `"\($ENV)"`: "the environment is out of reach",
		`input`: "input(s)/0 is not allowed", `[inputs]`: "input(s)/0 is not allowed", `input_filename`: "not defined", `input_line_number`: "not defined", `debug`: "not defined", `stderr`: "not defined",
		`import "a" as a; .`: "cannot load module", `include "a"; .`: "cannot load module", `import "/etc/passwd" as $d; $d`: "cannot load module",
		`"a" | modulemeta`: "", `get_search_list`: "not defined", `$__prog_args`: "not defined", `@sh "\(system("id"))"`: "not defined",
	} {
		e, err := Parse("select", text)
		if err == nil { // it may be refused when it runs
			_, _, err = e.Shape(t.Context(), []byte(`"/etc/passwd"`), true)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestTheBoundsChangeNothingElse compares with gojq itself.
func TestTheBoundsChangeNothingElse(t *testing.T) {
	inputs := []string{
		`null`, `1`, `"a,b,a"`, `[3,1,2,1]`, `{"a":[1,{"b":2}],"c":"x","d":null}`, `[["b",2],["a",1],[1]]`, `[{"a":2,"b":1},{"a":1,"b":2},{"a":2,"b":0}]`, `123456789012345678901234567890`, `[[1,[2]],[]]`,
		`["a","b",null,1]`,
	}
	for _, text := range []string{
		`.`, `.a`, `.a[1].b`, `.[0]`, `.[-1]`, `.[1:]`, `.[:-1]`, `.[1:2] = ["x"]`, `.[]?`, `..`, `[.[]?]`, `{a, x: 1}?`, `{(.c): .d}?`, `.a?.b?`, `.["c"]?`, `."c"?`, `"\(.)-\(.[0]?)"`, `@json "x\(.)"`,
		`@csv`, `@base64`, `@html "<\(.)>"`, `. * 2`, `2 * .`, `. * .`, `(1,2) * (3,4)`, `(1,2) - (3,4)`, `(1,2) / (3,4)`, `[(1,2) == (2,1)]`, `[(1,2) < (2,1)]`, `. - .`, `. / ","`, `. / 2`, `. % 2`,
		`. == .`, `. != 1`, `. < 1`, `.[0] >= .[1]`, `.c *= 2`, `.a[0] *= (2,3)`, `.a[0] -= 1`, `.c /= "x"`, `.[] -= 1`, `.[] += 1`, `.a |= length`, `.a[0] //= 7`, `.d //= 7`, `.a[1].b = 9`, `.[3] = 1`,
		`tojson`, `tostring`, `tojson | fromjson`, `add`, `add(.[])`, `add(.a[0], 1)`, `join(",")`, `join(",","-")`, `flatten`, `flatten(1)`, `sort`, `sort_by(.a)`, `sort_by(.a, .b)`, `group_by(.a)`, `unique`,
		`unique_by(.a)`, `min`, `max`, `min_by(.b)`, `max_by(.b)`, `contains("a")`, `contains([1])`, `inside([1,2,3])`, `index(",")`, `indices(1)`, `rindex(",")`, `split(",")`, `split(", *"; null)`, `has("a")`,
		`has(0)`, `in([0,1])`, `implode`, `explode`, `error`, `error("x")`, `try error("x") catch .`, `try error catch .`, `[match("a"; "g").offset]`, `[scan("a")]`, `sub("a"; "x")`, `gsub("(?<l>[a-z])"; "<\(.l)>")`, `[splits(",")]`,
		`test("a")`, `capture("(?<x>a)")`, `ltrimstr("a")`, `setpath(["a"]; 1)`, `setpath([0]; 1)`, `getpath(["a", 0])`, `path(..)`, `[paths]`, `path(.a[0])`, `del(.a)`, `delpaths([["a"]])`, `to_entries`,
		`with_entries(.value |= tostring)`, `from_entries`, `map(. + 1)`, `map_values(. == 1)`, `reduce .[] as $x (0; . + $x)`, `foreach .[] as $x (0; . + $x; [$x, .])`, `limit(2; .[])`, `first(.[])`, `nth(1)`, `nth(1; .[])`,
		`[range(3)]`, `[range(0; 6; 2)]`, `until(true; .)`, `def f(x): x * 2; f(3)`, `def f($x): $x * 2; f(3)`, `. as [$a, $b] | $a`, `. as {a: $x} | $x`, `.[] as [$a] ?// $a | [$a]`, `if . == 1 then "one" else "other" end`,
		`.a as $x | .c as $y | [$x, $y]`, `label $out | .[]? | if . == 1 then break $out else . end`, `tostream`, `fromstream(tostream)`, `[.[] | select(. > 1)]`, `any(.[]?; . == 1)`, `all`, `IN(1, 2)`, `IN(.[]; 1)`,
		`INDEX(.a)`, `transpose`, `combinations`, `ascii_downcase`, `@text "a\(1 + 1)b"`, `"\("\(1 * 2)")"`, `walk(if type == "number" then . * 2 else . end)`, `getpath(["a"]) |= 1`, `pick(.a)`, `bsearch(1)`, `-.[0]`, `.[0] * -1`,
		`. as $_ | $_`, `[.[] as $x | $x * $x]`, `(.a, .c) |= 1`, `.a[0] = .a[0] * 2`, `paths(type == "number")`, `trimstr("a")`, `limit(0; 1)`, `ltrimstr(1)`, `@uri`, `@sh`, `format("json")`, `splits("a";"g")`,
	} {
		plain, err := gojq.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		code, err := gojq.Compile(plain)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		e, err := Parse("select", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for _, in := range inputs {
			decoded := func() any {
				v, err := value([]byte(in), true)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			want, got := all(code.Run(decoded())), all(e.code.Run(decoded()))
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s of %s: %s, want %s", text, in, got, want)
			}
		}
	}
}

// all is what an iterator gives, an error by its text.
func all(it gojq.Iter) (out []string) {
	for len(out) < 1000 {
		v, ok := it.Next()
		if !ok {
			break
		}
		if err, failed := v.(error); failed {
			out = append(out, "error: "+err.Error())
			break
		}
		b, err := gojq.Marshal(v)
		if err != nil {
			b, _ = json.Marshal(err.Error())
		}
		out = append(out, string(b))
	}
	return out
}
