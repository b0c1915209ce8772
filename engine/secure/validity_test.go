package secure

import (
	"strings"
	"testing"
	"time"

	"libforker/engine/secure/testcert"
)

func TestValidity_isDoubtedInGoodTime(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name      string
		age, left time.Duration
		want      string
	}{
		{"fresh", day, 89 * day, ""},
		{"of 90 days, with 10 left", 80 * day, 10 * day, ""},
		{"of 90 days, with 8 left", 82 * day, 8 * day, "it expires soon, on 2026-01-18 12:00:00"},
		{"of a year, with 15 days left", 350 * day, 15 * day, ""},
		{"of a year, with 13 days left", 352 * day, 13 * day, "it expires soon, on 2026-01-23 12:00:00"},
		{"of 6 days, with one left", 5 * day, day, ""},
		{"of 6 days, with 14 hours left", 130 * time.Hour, 14 * time.Hour, "it expires soon, on 2026-01-11 02:00:00"},
		{"expired", day, -time.Second, "it has expired, on 2026-01-10 11:59:59"},
		{"not yet valid", -time.Hour, day, "it is valid only from 2026-01-10 13:00:00 on"},
	} {
		v := Validity{now.Add(-row.age), now.Add(row.left)}
		if got := v.Doubt(now); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

func TestLoadCertificates_warnsBeforeTheEnd(t *testing.T) {
	soon := testcert.New(testcert.Spec{Names: []string{"soon"}, Left: time.Hour})
	c, warnings, err := LoadCertificates([]Source{source("first", certificate()), source("second", soon)}, false, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "certificate second: it expires soon, on ") {
		t.Errorf("%q", warnings)
	}
	all := c.Validity()
	if len(all) != 2 || !all[1].NotAfter.Equal(soon.X509.NotAfter) || !all[0].NotBefore.Equal(certificate().X509.NotBefore) {
		t.Errorf("%v", all)
	}
}
