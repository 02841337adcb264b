package job

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// bounds holds, by field, the lowest and the highest value in JSON, and the nearest ones beyond them. A zero means the default, so it
// stands for no bound.
var bounds = map[string]struct{ low, high, below, above string }{
	"skip":                     {`1`, `1152921504606846976`, `-1`, `1152921504606846977`},
	"limit":                    {`1`, `1152921504606846976`, `-1`, `1152921504606846977`},
	"sample":                   {`1e-9`, `1`, `-0.5`, `1.1`},
	"unpackedBytes":            {`1`, `1152921504606846976`, `-1`, `1152921504606846977`},
	"concurrency":              {`1`, `100000`, `-1`, `100001`},
	"burst":                    {`1`, `1000000`, `-1`, `1000001`},
	"timeout":                  {`"1ms"`, `"24h"`, `"999us"`, `"24h0m0.000000001s"`},
	"retry.maximumAttempts":    {`1`, `1000`, `-1`, `1001`},
	"retry.initialInterval":    {`"1ms"`, `"1h"`, `"999us"`, `"1h0m0.000000001s"`},
	"retry.maximumInterval":    {`"500ms"`, `"24h"`, `"499ms"`, `"24h0m0.000000001s"`}, // from the default initialInterval up
	"retry.backoffCoefficient": {`1`, `10`, `0.999`, `10.001`},
	"tuning.chunkRecords":      {`1`, `1000000`, `-1`, `1000001`},
	"tuning.chunkBytes":        {`1`, `1073741824`, `-1`, `1073741825`},
	"tuning.chunkDuration":     {`"10ms"`, `"1h"`, `"9ms"`, `"1h0m0.000000001s"`},
	"tuning.lanes":             {`1`, `500`, `-1`, `501`},
	"tuning.windowChunks":      {`1`, `5000`, `-1`, `5001`},
	"tuning.windowBytes":       {`1`, `1152921504606846976`, `-1`, `1152921504606846977`},
	"tuning.activitiesPerRun":  {`4`, `2000`, `3`, `2001`},
	"tuning.outageFailures":    {`1`, `1000000`, `-1`, `1000001`},
	"tuning.outageAttempts":    {`1`, `1000`, `-1`, `1001`},
}

func TestEachNumberHasItsBounds(t *testing.T) {
	for field, b := range bounds {
		t.Run(field, func(t *testing.T) {
			for _, v := range []string{b.low, b.high} {
				if _, err := ParseSpec([]byte(withField(field, v))); err != nil {
					t.Errorf("%s is refused: %v", v, err)
				}
			}
			for _, v := range []string{b.below, b.above} {
				_, err := ParseSpec([]byte(withField(field, v)))
				if KindOf(err) != InvalidSpec || !strings.HasPrefix(err.Error(), "spec: "+field+": ") || !strings.Contains(err.Error(), "is not within") {
					t.Errorf("%s: got %v", v, err)
				}
			}
		})
	}
}

// withField is a Spec with one field, "name" or "group.name", set to a JSON value.
func withField(field, value string) string {
	group, name, found := strings.Cut(field, ".")
	if !found {
		return specJSON(fmt.Sprintf(`,%q:%s`, field, value))
	}
	return specJSON(fmt.Sprintf(`,%q:{%q:%s}`, group, name, value))
}

// TestBoundsCoverEveryNumber finds a field that is added to Spec without bounds.
func TestBoundsCoverEveryNumber(t *testing.T) {
	got, want := slices.Sorted(maps.Keys(bounds)), numbers(reflect.TypeFor[Spec](), "")
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("bounds are tested of\n%s\nbut the numbers of Spec are\n%s", got, want)
	}
}

// numbers lists the numeric fields of a struct by their JSON path.
func numbers(s reflect.Type, prefix string) (names []string) {
	for f := range s.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch f.Type.Kind() {
		case reflect.Struct:
			if f.Anonymous {
				names = append(names, numbers(f.Type, prefix)...)
				continue
			}
			names = append(names, numbers(f.Type, prefix+name+".")...)
		case reflect.Int, reflect.Int64, reflect.Float64:
			names = append(names, prefix+name)
		}
	}
	return names
}
