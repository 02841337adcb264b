package codec

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	common "go.temporal.io/api/common/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// text is the base64 of the key that consists of one byte, again and again.
func text(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, keyBytes)) }

func parse(t *testing.T, text string) Keys {
	t.Helper()
	keys, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestWhatIsEncryptedComesBack(t *testing.T) {
	keys := parse(t, text(1))
	rapid.Check(t, func(t *rapid.T) {
		var payloads []*common.Payload
		for range rapid.IntRange(0, 3).Draw(t, "payloads") {
			p := &common.Payload{Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data")}
			if rapid.Bool().Draw(t, "metadata") {
				p.Metadata = map[string][]byte{"encoding": []byte(rapid.SampledFrom([]string{"json/plain", "binary/null", encrypted}).Draw(t, "encoding"))}
			}
			payloads = append(payloads, p)
		}
		sealed, err := keys.Encode(payloads)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range sealed {
			if len(payloads[i].Data) > 8 && bytes.Contains(s.Data, payloads[i].Data) {
				t.Fatalf("%d stands there as it was", i)
			}
		}
		opened, err := keys.Decode(sealed)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range opened {
			if !proto.Equal(o, payloads[i]) {
				t.Fatalf("%v, want %v", o, payloads[i])
			}
		}
	})
}

func TestTheSameIsNeverEncryptedToTheSame(t *testing.T) {
	keys := parse(t, text(1))
	p := &common.Payload{Data: []byte("the same")}
	sealed, err := keys.Encode([]*common.Payload{p, p})
	if err != nil || bytes.Equal(sealed[0].Data, sealed[1].Data) {
		t.Errorf("%v: %x twice", err, sealed[0].Data)
	}
}

func TestEveryChangedByteIsFoundOut(t *testing.T) {
	keys := parse(t, text(1))
	sealed, err := keys.Encode([]*common.Payload{{Data: []byte("payload")}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed[0].Data {
		sealed[0].Data[i] ^= 1
		if _, err := keys.Decode(sealed); err == nil || !strings.Contains(err.Error(), "it was changed since it was encrypted with key "+keys[0].ID) {
			t.Fatalf("byte %d: %v", i, err)
		}
		sealed[0].Data[i] ^= 1
	}
	sealed[0].Data = sealed[0].Data[:11] // less than a nonce
	if _, err := keys.Decode(sealed); err == nil {
		t.Error("a part of it was taken")
	}
}

func TestAnOlderKeyDecryptsWhatItEncrypted(t *testing.T) {
	old, rotated := parse(t, text(1)), parse(t, text(2)+"\n"+text(1))
	sealed, err := old.Encode([]*common.Payload{{Data: []byte("old")}})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := rotated.Decode(sealed)
	if err != nil || string(opened[0].Data) != "old" {
		t.Fatalf("%v, %v", opened, err)
	}
	again, err := rotated.Encode(opened)
	if err != nil || string(again[0].Metadata[metaKeyID]) != rotated[0].ID || rotated[0].ID == old[0].ID {
		t.Errorf("%v, %v; want the first key", again, err)
	}
	_, err = old.Decode(again)
	var unknown *UnknownKeyError
	if !errors.As(err, &unknown) || unknown.ID != rotated[0].ID || !strings.Contains(err.Error(), "this program has "+old[0].ID) {
		t.Errorf("with the wrong key: %v", err)
	}
}

func TestWithoutKeysNothingIsEncryptedAndWhatIsIsRefused(t *testing.T) {
	plain := []*common.Payload{{Data: []byte("plain")}}
	if p, err := Keys(nil).Encode(plain); err != nil || p[0] != plain[0] {
		t.Errorf("%v, %v", p, err)
	}
	if p, err := parse(t, text(1)).Decode(plain); err != nil || p[0] != plain[0] {
		t.Errorf("what is not encrypted, with a key: %v, %v", p, err)
	}
	sealed, err := parse(t, text(1)).Encode(plain)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Keys(nil).Decode(sealed); err == nil || !strings.Contains(err.Error(), "this program has no key (give the keys with --encryption-key-file") {
		t.Errorf("said %v", err)
	}
}

// TestTheFormIsThatOfTemporalsSamples decrypts a payload that the Python sample (samples-python, encryption/codec.py: AESGCM of the package
// cryptography, nonce before the rest) encrypts with the same key.
func TestTheFormIsThatOfTemporalsSamples(t *testing.T) {
	keys := parse(t, text(1))
	if keys[0].ID != "72cd6e8422c407fb" { // printf '\1%.0s' $(seq 32) | sha256sum
		t.Errorf("id %s", keys[0].ID)
	}
	data, err := base64.StdEncoding.DecodeString(pythons)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := keys.Decode([]*common.Payload{{
		Metadata: map[string][]byte{"encoding": []byte("binary/encrypted"), "encryption-key-id": []byte(keys[0].ID)}, Data: data,
	}})
	if err != nil || string(opened[0].Data) != `"from Python"` || string(opened[0].Metadata["encoding"]) != "json/plain" {
		t.Errorf("%v, %v", opened, err)
	}
}

const pythons = "S0YMZCHmLIhS8RhvA+fgMc2+zJVLlqw5tVTuKZ2v90lKtfdt2XdEvouHQpj1ce3TEwtqxuAX2elX6Y+6/uU910J5Lw=="

func TestMessagesOfErrorsAreEncrypted(t *testing.T) {
	data, failures := parse(t, text(1)).Converters()
	cause := temporal.NewApplicationErrorWithOptions("secret: outer", "Kind", temporal.ApplicationErrorOptions{
		Cause: errors.New("secret: inner"), Details: []any{"secret: detail"},
	})
	f := failures.ErrorToFailure(cause)
	raw, err := proto.Marshal(f)
	if err != nil || bytes.Contains(raw, []byte("secret")) {
		t.Errorf("%v: %s", err, raw)
	}
	if f.GetMessage() != SealedMessage || f.GetApplicationFailureInfo().GetType() != "Kind" {
		t.Errorf("the kind is needed, the message not: %v", f)
	}
	back := failures.FailureToError(proto.Clone(f).(*failure.Failure))
	var app *temporal.ApplicationError
	var detail string
	if !errors.As(back, &app) || app.Message() != "secret: outer" || app.Details(&detail) != nil || detail != "secret: detail" || !strings.Contains(errors.Unwrap(app).Error(), "secret: inner") {
		t.Errorf("back: %v", back)
	}
	converter.DecodeCommonFailureAttributes(data, f)
	if f.GetMessage() != "secret: outer" {
		t.Errorf("message: %s", f.GetMessage())
	}
	_, plain := Keys(nil).Converters()
	if m := plain.ErrorToFailure(cause).GetMessage(); m != "secret: outer" {
		t.Errorf("without keys: %s", m)
	}
}

// TestAWorkflowWaitsForAWorkerWithTheKey holds that what a workflow cannot read panics, which fails its task and not the job; others are told an error.
func TestAWorkflowWaitsForAWorkerWithTheKey(t *testing.T) {
	sealing, _ := parse(t, text(1)).Converters()
	sealed, err := sealing.ToPayload("x")
	if err != nil {
		t.Fatal(err)
	}
	data, _ := Keys(nil).Converters()
	var into string
	if err := data.FromPayload(sealed, &into); err == nil {
		t.Error("it was read")
	}
	aware := data.(converter.ContextAware)
	if err := aware.WithContext(t.Context()).FromPayload(sealed, &into); err == nil {
		t.Error("it was read")
	}
	defer func() {
		var unknown *UnknownKeyError
		if err, _ := recover().(error); !errors.As(err, &unknown) {
			t.Errorf("a workflow is told %v", err)
		}
	}()
	_ = aware.WithWorkflowContext(nil).FromPayload(sealed, &into)
}

func TestKeysAreRefusedWithoutBeingQuoted(t *testing.T) {
	short := base64.StdEncoding.EncodeToString(make([]byte, 16))
	for name, c := range map[string]struct{ text, want string }{
		"nothing":          {"\n  # a remark\n", "there is none: want the base64 of 32 random bytes"},
		"no base64":        {"not-base64!", "line 1: want the base64 of 32 random bytes"},
		"too short":        {text(1) + "\n" + short, "line 2: want the base64 of 32 random bytes"},
		"the same twice":   {text(1) + " " + text(1), "line 1: key 72cd6e8422c407fb stands there twice"},
		"a line too long":  {strings.Repeat("x", 1<<17), "a line is too long"},
		"more than enough": {many(maxKeys + 1), "101 are more than 100"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("said %v, want %s", err, c.want)
			}
			for word := range strings.FieldsSeq(c.text) {
				if len(word) > 8 && strings.Contains(err.Error(), word) {
					t.Errorf("it quotes a key: %v", err)
				}
			}
		})
	}
	if keys := parse(t, "# of May\n"+text(2)+" # new\n\n"+text(1)+"\n"); len(keys) != 2 {
		t.Errorf("%d keys", len(keys))
	}
	if keys := parse(t, many(maxKeys)); len(keys) != maxKeys {
		t.Errorf("%d keys", len(keys))
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(text(byte(i)) + "\n")
	}
	return b.String()
}

func FuzzDecode(f *testing.F) {
	keys, err := Parse(text(1))
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := keys.Encode([]*common.Payload{{Data: []byte("x")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(keys[0].ID), sealed[0].Data)
	f.Add([]byte("other"), []byte{})
	f.Fuzz(func(t *testing.T, id, data []byte) {
		p := []*common.Payload{{Metadata: map[string][]byte{"encoding": []byte(encrypted), metaKeyID: id}, Data: data}}
		if opened, err := keys.Decode(p); err == nil && (len(opened) != 1 || string(id) != keys[0].ID) {
			t.Errorf("%v of key %q", opened, id)
		}
	})
}
