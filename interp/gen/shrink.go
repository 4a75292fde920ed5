package gen

import "slices"

// shrinkTries bounds how often a program is tried while it is made smaller.
const shrinkTries = 2000

// Shrink returns choices of which keep is true, as it must be of the given ones, and
// which make a smaller program. It deletes and clears what the program's statements
// and expressions were made from, the largest first, for as long as keep stays true.
func Shrink(choices []byte, keep func([]byte) bool) []byte {
	tries := 0
	try := func(b []byte) bool {
		tries++
		return tries < shrinkTries && smaller(b, choices) && keep(b)
	}
	for changed := true; changed && tries < shrinkTries; {
		changed = false
		for _, s := range spansBySize(choices) {
			if s[1] > len(choices) {
				continue
			}
			without := append(append([]byte{}, choices[:s[0]]...), choices[s[1]:]...)
			zero := append([]byte{}, choices...)
			clear(zero[s[0]:s[1]])
			for _, b := range [][]byte{without, trim(zero)} {
				if try(b) {
					choices, changed = b, true
					break
				}
			}
		}
	}
	return choices
}

// trim cuts what is 0 anyway.
func trim(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

// smaller orders choices: by length, and then by how many are not 0.
func smaller(a, b []byte) bool {
	return len(a) < len(b) || len(a) == len(b) && nonZero(a) < nonZero(b)
}

func nonZero(b []byte) (n int) {
	for _, c := range b {
		if c != 0 {
			n++
		}
	}
	return n
}

// spansBySize lists what can be left out: halves of everything, the program's spans,
// and single choices.
func spansBySize(choices []byte) [][2]int {
	spans := append([][2]int{}, Make(choices).spans...)
	for size := len(choices); size > 0; size /= 2 {
		for at := 0; at+size <= len(choices); at += size {
			spans = append(spans, [2]int{at, at + size})
		}
	}
	slices.SortStableFunc(spans, func(a, b [2]int) int { return (b[1] - b[0]) - (a[1] - a[0]) })
	return spans
}
