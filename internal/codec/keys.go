package codec

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const (
	keyBytes = 32
	idBytes  = 8
	maxKeys  = 100
)

// Keys is keys by which payloads are encrypted: the first one encrypts, and each decrypts what it encrypted. No keys encrypt nothing, and
// refuse by name what is encrypted.
type Keys []Key

// Key is a key of AES-256. Its ID is the first 16 hexadecimal digits of its SHA-256.
type Key struct {
	ID   string
	aead cipher.AEAD
}

// Parse reads keys, 1 to 100 of them, of which each is the base64 of 32 bytes: a line each, or with spaces between them. What follows a # in a line is a remark. Its
// errors never quote the text.
func Parse(text string) (Keys, error) {
	var keys Keys
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		for word := range strings.FieldsSeq(line) {
			k, err := parseKey(word)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			if _, again := keys.find(k.ID); again {
				return nil, fmt.Errorf("line %d: key %s stands there twice", n, k.ID)
			}
			keys = append(keys, k)
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, fmt.Errorf("a line is too long: %s", wanted)
	case len(keys) == 0:
		return nil, fmt.Errorf("there is none: %s", wanted)
	case len(keys) > maxKeys:
		return nil, fmt.Errorf("%d are more than %d", len(keys), maxKeys)
	}
	return keys, nil
}

const wanted = "want the base64 of 32 random bytes, as `openssl rand -base64 32` makes it"

func parseKey(text string) (Key, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != keyBytes {
		return Key{}, errors.New(wanted)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return Key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return Key{}, err
	}
	sum := sha256.Sum256(raw)
	return Key{ID: hex.EncodeToString(sum[:idBytes]), aead: aead}, nil
}

func (keys Keys) find(id string) (Key, bool) {
	for _, k := range keys {
		if k.ID == id {
			return k, true
		}
	}
	return Key{}, false
}

// IDs names the keys, the one that encrypts first.
func (keys Keys) IDs() []string {
	var ids []string
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	return ids
}
