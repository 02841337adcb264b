package dial

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	"go.temporal.io/sdk/client"

	"github.com/longhaul/longhaul/internal/codec"
)

// Where the keys of encryption are given.
const (
	encryptionFlag         = "encryption-key-file"
	encryptionFileVariable = "LONGHAUL_ENCRYPTION_KEY_FILE"
	encryptionVariable     = "LONGHAUL_ENCRYPTION_KEY"
)

// maxKeyFile bounds a file of keys, in bytes.
const maxKeyFile = 64 << 10

// Encryption is by which keys a program encrypts what it gives to Temporal, as its surroundings say.
type Encryption struct{ file string }

// Register adds the flag to a command's.
func (e *Encryption) Register(set *pflag.FlagSet) {
	set.StringVar(&e.file, encryptionFlag, "", "`file` with the keys that encrypt what Temporal is given, the first of them new data (also by "+
		encryptionFileVariable+", or the keys themselves by "+encryptionVariable+")")
}

// Keys reads the keys; there are none where none were given.
func (e *Encryption) Keys() (codec.Keys, error) {
	text, from := os.Getenv(encryptionVariable), encryptionVariable
	path := e.file
	if path == "" {
		if path = os.Getenv(encryptionFileVariable); path != "" && text != "" {
			return nil, fmt.Errorf("both %s and %s are set: leave one of them out", encryptionVariable, encryptionFileVariable)
		}
	}
	if path != "" {
		data, err := readKeyFile(path)
		if err != nil {
			return nil, fmt.Errorf("read encryption keys: %w", err)
		}
		text, from = data, path
	}
	if text == "" && path == "" {
		return nil, nil
	}
	keys, err := codec.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("encryption keys of %s: %w", from, err)
	}
	return keys, nil
}

// Apply has a client encrypt, and returns the keys. Without any it refuses, by name, what is encrypted.
func (e *Encryption) Apply(o *client.Options) (codec.Keys, error) {
	keys, err := e.Keys()
	if err != nil {
		return nil, err
	}
	if o.DataConverter != nil { // a remote codec's
		if keys != nil {
			return nil, errors.New("encryption keys and a codec endpoint are both given: leave one of them out")
		}
		return nil, nil
	}
	o.DataConverter, o.FailureConverter = keys.Converters()
	return keys, nil
}

func readKeyFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(data) > maxKeyFile {
		err = fmt.Errorf("%s: more than %d bytes", path, maxKeyFile)
	}
	return string(data), err
}
