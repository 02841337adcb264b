package codec

import (
	"fmt"
	"strings"

	common "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// Metadata of an encrypted payload.
const (
	encrypted = "binary/encrypted"
	metaKeyID = "encryption-key-id"
)

// UnknownKeyError says that a payload is encrypted with a key that is not among those given.
type UnknownKeyError struct {
	// ID is that key's; Have are those of the keys given.
	ID   string
	Have []string
}

func (e *UnknownKeyError) Error() string {
	have := "this program has no key"
	if len(e.Have) > 0 {
		have = "this program has " + strings.Join(e.Have, ", ")
	}
	return fmt.Sprintf("decrypt payload: it is encrypted with key %q, and %s (give the keys with --encryption-key-file, LONGHAUL_ENCRYPTION_KEY_FILE or LONGHAUL_ENCRYPTION_KEY)", e.ID, have)
}

// Encode implements [converter.PayloadCodec].
func (keys Keys) Encode(payloads []*common.Payload) ([]*common.Payload, error) {
	if len(keys) == 0 {
		return payloads, nil
	}
	sealed := make([]*common.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encrypt payload: %w", err)
		}
		sealed[i] = &common.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encrypted), metaKeyID: []byte(keys[0].ID)},
			Data:     keys[0].aead.Seal(nil, nil, plain, nil),
		}
	}
	return sealed, nil
}

// Decode implements [converter.PayloadCodec]. What is not encrypted passes as it is: a job that began without keys goes on with them.
func (keys Keys) Decode(payloads []*common.Payload) ([]*common.Payload, error) {
	opened := make([]*common.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encrypted {
			opened[i] = p
			continue
		}
		id := string(p.GetMetadata()[metaKeyID])
		k, ok := keys.find(id)
		if !ok {
			return nil, &UnknownKeyError{ID: id, Have: keys.IDs()}
		}
		plain, err := k.aead.Open(nil, nil, p.GetData(), nil)
		if err != nil {
			return nil, fmt.Errorf("decrypt payload: it was changed since it was encrypted with key %s: %w", id, err)
		}
		opened[i] = &common.Payload{}
		if err := proto.Unmarshal(plain, opened[i]); err != nil {
			return nil, fmt.Errorf("decrypt payload: no payload was encrypted with key %s: %w", id, err)
		}
	}
	return opened, nil
}
