package grammar

import "bytes"

// How much a client would like what it lists (RFC 9110 §12.4.2).

// Weighted reads the first item of a list, and returns its name, how much the client likes it as Quality does, and the items
// behind it.
func Weighted(list []byte) (name []byte, quality int, rest []byte) {
	item, rest, _ := bytes.Cut(list, []byte{','})
	name, parameters, _ := bytes.Cut(item, []byte{';'})
	return bytes.Trim(name, " \t"), Quality(parameters), rest
}

// Quality reads the weight among parameters, in thousandths; 1000 if there is none, -1 if it is malformed.
func Quality(parameters []byte) int {
	for len(parameters) > 0 {
		var one []byte
		one, parameters, _ = bytes.Cut(parameters, []byte{';'})
		one = bytes.Trim(one, " \t")
		if len(one) >= 2 && one[0]|0x20 == 'q' && one[1] == '=' {
			return weight(one[2:])
		}
	}
	return 1000
}

// weight reads a qvalue (RFC 9110 §12.4.2).
func weight(text []byte) int {
	if len(text) == 0 || len(text) > len("0.000") || text[0] > '1' || text[0] < '0' || len(text) > 1 && text[1] != '.' {
		return -1
	}
	total, unit := int(text[0]-'0')*1000, 100
	for _, c := range text[min(2, len(text)):] {
		if !IsDigit(c) {
			return -1
		}
		total += int(c-'0') * unit
		unit /= 10
	}
	if total > 1000 {
		return -1
	}
	return total
}
