package output

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"strings"

	"github.com/longhaul/longhaul/job"
)

// Version of the manifest that this package writes, and the only one it reads.
const Version = 1

const manifestMagic = "longhaul-manifest"

// Errors of decoding a manifest.
var (
	ErrMagic    = errors.New("not a longhaul manifest")
	ErrVersion  = errors.New("unknown manifest version")
	ErrChecksum = errors.New("manifest does not match its checksum: it was edited or damaged")
	ErrContent  = errors.New("impossible manifest")
)

// Claim names the run that may write an output.
type Claim struct {
	// Cluster is the id of the Temporal cluster.
	Cluster    string `json:"cluster"`
	Namespace  string `json:"namespace"`
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// SameJob says whether both are runs of one workflow id.
func (c Claim) SameJob(d Claim) bool {
	c.RunID, d.RunID = "", ""
	return c == d
}

// Identity is what decides an output's bytes, beside the input: a job with another one is refused.
type Identity struct {
	Task   string          `json:"task"`
	Args   json.RawMessage `json:"args,omitempty"`
	Format job.Format      `json:"format"`
	// InputFormat is empty for lines.
	InputFormat job.InputFormat `json:"inputFormat,omitempty"`
	job.Selection
	// OutputDelimiter is empty for newlines.
	OutputDelimiter job.Delimiter `json:"outputDelimiter,omitempty"`
	// Order is empty for the input's.
	Order       job.Order `json:"order,omitempty"`
	SelectInput string    `json:"selectInput,omitempty"`
	Select      string    `json:"select,omitempty"`
}

// Digest is the SHA-256 of the committed bytes of a file, and the state from which it goes on.
type Digest struct {
	SHA256 string `json:"sha256"`
	State  []byte `json:"state"`
}

// Manifest is where an output stands.
type Manifest struct {
	// Generation is 16 random bytes in hex, drawn when the output was begun.
	Generation string       `json:"generation"`
	Claim      Claim        `json:"claim"`
	BegunBy    string       `json:"begunBy"`
	Input      job.InputSet `json:"input"`
	Spec       Identity     `json:"spec"`
	Position   job.Position `json:"position"`
	// Ahead is what is committed beyond Position.Records, in the order of completion.
	Ahead        job.Ahead  `json:"ahead,omitempty"`
	Totals       job.Totals `json:"totals"`
	OutputDigest Digest     `json:"outputDigest"`
	ErrorsDigest Digest     `json:"errorsDigest"`
	Complete     bool       `json:"complete"`
	// Rerun says that the failed records beyond the position are to be run again by the next run.
	Rerun bool `json:"rerun,omitempty"`
	// Patches counts the retries whose results were put into their places. Swap names the folder in which a new output and errors file wait to be renamed: this manifest tells of
	// those.
	Patches int    `json:"patches,omitempty"`
	Swap    string `json:"swap,omitempty"`
}

// GenerationBytes is the generation as segments carry it.
func (m Manifest) GenerationBytes() (g [16]byte) {
	b, _ := hex.DecodeString(m.Generation)
	copy(g[:], b)
	return g
}

// Answered is how many records have their line.
func (m Manifest) Answered() int64 { return m.Position.Records + m.Ahead.Records() }

// Committed says whether all records of a chunk have their line.
func (m Manifest) Committed(c job.Chunk) bool { return c.End() <= m.Position.Records || m.Ahead.Has(c) }

// Encode returns the manifest's bytes on disk.
func (m Manifest) Encode() ([]byte, error) {
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	body = append(body, '\n')
	head := fmt.Sprintf("%s %d crc32c:%08x\n", manifestMagic, Version, checksum(body))
	return append([]byte(head), body...), nil
}

// Decode reads a manifest's bytes. Its errors wrap ErrMagic, ErrVersion, ErrChecksum or ErrContent.
func Decode(data []byte) (Manifest, error) {
	var m Manifest
	head, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok || len(head) > 100 {
		return m, ErrMagic
	}
	var magic, sum string
	var version int
	if n, _ := fmt.Sscanf(string(head), "%s %d %s", &magic, &version, &sum); n < 2 || magic != manifestMagic {
		return m, ErrMagic
	}
	if version != Version {
		return m, fmt.Errorf("%w %d", ErrVersion, version)
	}
	if want := fmt.Sprintf("%s %d crc32c:%08x", manifestMagic, Version, checksum(body)); want != string(head) {
		return m, ErrChecksum
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, fmt.Errorf("%w: %w", ErrContent, err)
	}
	m.Spec.Args = compact(m.Spec.Args)
	p := m.Position
	if b, err := hex.DecodeString(m.Generation); err != nil || len(b) != 16 ||
		m.Patches < 0 || m.Swap != "" && (!strings.HasPrefix(m.Swap, retryPrefix) || strings.ContainsAny(m.Swap, `/\`)) ||
		p.Records < 0 || p.InputOffset < 0 || p.OutputBytes < 0 || p.ErrorBytes < 0 ||
		!m.Ahead.Valid(p) {
		return m, ErrContent
	}
	for _, d := range []Digest{m.OutputDigest, m.ErrorsDigest} {
		if _, err := d.resume(); err != nil {
			return m, fmt.Errorf("%w: %w", ErrContent, err)
		}
	}
	return m, nil
}

// compact takes out of a valid JSON value the spaces that Encode's indentation put there: identities are compared byte by byte.
func compact(v json.RawMessage) json.RawMessage {
	if len(v) == 0 {
		return v
	}
	var b bytes.Buffer
	_ = json.Compact(&b, v)
	return b.Bytes()
}

// resume returns the running hash that d is the state of.
func (d Digest) resume() (hash.Hash, error) {
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(d.State); err != nil {
		return nil, fmt.Errorf("digest state: %w", err)
	}
	if hex.EncodeToString(h.Sum(nil)) != d.SHA256 {
		return nil, errors.New("digest state: not that of the digest")
	}
	return h, nil
}

// digestOf takes down a running hash.
func digestOf(h hash.Hash) (Digest, error) {
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	return Digest{SHA256: hex.EncodeToString(h.Sum(nil)), State: state}, err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
