package blackbox

import (
	"strconv"
	"strings"
	"testing"
)

func TestEnvironment_warnsOfNamesThatAreNearlyOptions(t *testing.T) {
	p := start(t, setup{args: []string{"127.0.0.1:0"}, env: []string{
		"FORKER_WROKERS=1", "FORKER_MAXBODY=1m", "FORKER_LIBRARY=x", "FORKER_BUILD=x", "FORKER_=1", "FORKER_X=1", "FORKER_WORKERS=1",
		"FORKER_" + strings.Repeat("WORKERS", 100) + "=1",
	}}).waitReady()
	p.log.wait(t, 0, "warn spawner["+strconv.Itoa(p.pid())+"]: environment: FORKER_WROKERS is no option; did you mean FORKER_WORKERS?")
	p.log.wait(t, 0, "environment: FORKER_MAXBODY is no option; did you mean FORKER_MAX_BODY?")
	if warnings := p.log.count("is no option"); warnings != 2 {
		t.Errorf("%d warnings:\n%s", warnings, p.log)
	}
}
