package job

import (
	"math"
	"math/bits"
)

// Selection is which records of the input a job takes. The zero Selection takes all.
//
// The records taken are counted from 0: that count is what chunks, segments and positions go by, and line N of the output answers record N of those
// taken. Number tells which record of the input that is.
type Selection struct {
	// Skip is how many records at the beginning of the input are left out.
	Skip int64 `json:"skip,omitempty"`
	// Limit is how many records are taken at most; 0 means no limit.
	Limit int64 `json:"limit,omitempty"`
	// Sample is the fraction of the records that is taken, 1e-9 to 1; 0 means all: one record, drawn by Seed, of each stretch of 1/Sample.
	Sample float64 `json:"sample,omitempty"`
	// Seed draws the sample: another seed, another sample.
	Seed uint64 `json:"seed,omitempty"`
}

// All says whether every record from Skip on is taken, up to the limit.
func (s Selection) All() bool { return s.Sample == 0 || s.Sample == 1 }

// Number is the number in the input, from 0, of the record taken as the i-th, i from 0. It grows with i.
func (s Selection) Number(i int64) int64 {
	if s.All() {
		return s.Skip + i
	}
	stride := uint64(math.Ldexp(1/s.Sample, 32)) // in units of 2^-32 records
	from, to := stretch(stride, i), stretch(stride, i+1)
	return s.Skip + from + int64(mix(s.Seed, uint64(i))%uint64(to-from))
}

// Next is the number of the first record that may be taken after i of them have been: the one behind the last of those.
func (s Selection) Next(i int64) int64 {
	if i == 0 {
		return 0
	}
	return s.Number(i-1) + 1
}

// Count is about how many of the first n records of the input are taken, if there were no limit.
func (s Selection) Count(n int64) int64 {
	n = max(0, n-s.Skip)
	if s.All() {
		return n
	}
	return int64(float64(n) * s.Sample)
}

// stretch is the beginning of the i-th stretch of stride/2^32 records. As stride is at least 2^32, no stretch is empty.
func stretch(stride uint64, i int64) int64 {
	high, low := bits.Mul64(stride, uint64(i))
	return int64(high<<32 | low>>32)
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014) over both numbers.
func mix(seed, i uint64) uint64 {
	z := seed + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
