package secure

import "time"

// The time in which a certificate is valid.

// Validity is the time in which a certificate is valid.
type Validity struct{ NotBefore, NotAfter time.Time }

// soonMost is how long before its end a certificate is worth a warning, if not a tenth of its life is less: those that
// are renewed by themselves are renewed earlier.
const soonMost = 14 * 24 * time.Hour

// Doubt returns what is wrong with the validity of a certificate, or will be before long; "" if nothing is.
func (v Validity) Doubt(now time.Time) string {
	left := v.NotAfter.Sub(now)
	switch {
	case left < 0:
		return "it has expired, on " + v.NotAfter.UTC().Format(time.DateTime)
	case now.Before(v.NotBefore):
		return "it is valid only from " + v.NotBefore.UTC().Format(time.DateTime) + " on"
	case left < min(soonMost, v.NotAfter.Sub(v.NotBefore)/10):
		return "it expires soon, on " + v.NotAfter.UTC().Format(time.DateTime)
	}
	return ""
}
