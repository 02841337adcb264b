package task

import (
	"strconv"
	"strings"
)

// numbers reads a list of numbers and of ranges of them, such as "2,64-78", into a set that is indexed by the number. The set is nil where
// a part of the list is not within least to most: bad is the first such part.
func numbers(list string, least, most int) (set []bool, bad string) {
	set = make([]bool, most+1)
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		low, err1 := strconv.ParseUint(from, 10, 16)
		high, err2 := strconv.ParseUint(to, 10, 16)
		if err1 != nil || err2 != nil || int(low) < least || low > high || int(high) > most {
			return nil, part
		}
		for n := low; n <= high; n++ {
			set[n] = true
		}
	}
	return set, ""
}
