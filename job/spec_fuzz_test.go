package job

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzParseSpec holds that a Spec is refused as InvalidSpec or valid, and that a valid one means the same after a trip through JSON, as
// Temporal sends it.
func FuzzParseSpec(f *testing.F) {
	f.Add([]byte(specJSON("")))
	for field, b := range bounds {
		f.Add([]byte(withField(field, b.low)))
		f.Add([]byte(withField(field, b.above)))
	}
	f.Add([]byte(`{"input":"/<i>&\u2028","output":"/o","task":{"name":"http","args":{ "url" : "<&>" }},"overwrite":true}`))
	f.Add([]byte(`{"INPUT":"/i","output":"/o","task":{"name":"x","args":null},"timeout":null,"retry":null}`))
	f.Add([]byte("{\"input\":\"/\xff\",\"output\":\"/o\",\"task\":{\"name\":\"x\",\"args\":\"\xff\"}} "))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSpec(data)
		if err != nil {
			if KindOf(err) != InvalidSpec {
				t.Fatalf("got kind %q: %v", KindOf(err), err)
			}
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("accepted, but not valid: %v", err)
		}
		encoded := encode(t, s)
		again, err := ParseSpec(encoded)
		if err != nil {
			t.Fatalf("%s is refused: %v", encoded, err)
		}
		if b := encode(t, again); !bytes.Equal(b, encoded) {
			t.Fatalf("encoded\n%s\nthen\n%s", encoded, b)
		}
		s.Task.Args, again.Task.Args = nil, nil // compared above, in the same spelling
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("got %+v, want %+v", again, s)
		}
	})
}

func encode(t *testing.T, s Spec) []byte {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatalf("encode %+v: %v", s, err)
	}
	return b
}
