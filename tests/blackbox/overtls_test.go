package blackbox

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"libforker/engine/secure/testcert"
)

// overTLS has the programs that are started speak TLS, and their clients; nil: they do not.
var overTLS *identity

// identity is a certificate for programs.
type identity struct {
	config *tls.Config // of clients that trust it
	env    []string    // names its files to program.h
}

// apply has the addresses among a program's arguments be for TLS.
func (*identity) apply(args []string) []string {
	args = slices.Clone(args)
	for i := range args {
		if args[i] == "127.0.0.1:0" {
			args[i] += "?tls=on"
		}
	}
	return args
}

// clientTLS is for clients of the programs; nil: clear text.
func clientTLS() *tls.Config {
	if overTLS == nil {
		return nil
	}
	return overTLS.config
}

// overHTTP2 has the programs speak HTTP/2, and ledgers ask so.
var overHTTP2 bool

// TestOverHTTP2 runs the tests that count every request again, over HTTP/2, with TLS and without.
func TestOverHTTP2(t *testing.T) {
	overHTTP2 = true
	defer func() { overHTTP2 = false }()
	t.Run("h2c", runLedgers)
	pair := testcert.New(testcert.Spec{Names: []string{"localhost"}})
	overTLS = trust(t, pair)
	defer func() { overTLS = nil }()
	t.Run("tls", runLedgers)
}

// overGRPC has ledgers make calls. overHTTP2 goes with it.
var overGRPC bool

// callsVariable names the file where programs note the calls that begin (ledgercalls.h).
const callsVariable = "FORKER_TEST_CALLS="

// calls is that file; "": there are none.
func (p *program) calls() string {
	for _, entry := range p.cmd.Env {
		if path, is := strings.CutPrefix(entry, callsVariable); is {
			return path
		}
	}
	return ""
}

// TestOverGRPC runs them by calls of gRPC.
func TestOverGRPC(t *testing.T) {
	overHTTP2, overGRPC = true, true
	defer func() { overHTTP2, overGRPC = false, false }()
	t.Run("h2c", runLedgers)
	overTLS = trust(t, testcert.New(testcert.Spec{Names: []string{"localhost"}}))
	defer func() { overTLS = nil }()
	t.Run("tls", runLedgers)
}

func runLedgers(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"nobody":    TestDeath_ofNobodyLosesNothing,
		"masters":   TestDeath_ofMastersLosesNothing,
		"workers":   TestDeath_ofWorkersLosesOnlyWhatTheyHad,
		"storm":     TestStorm_ofKillsAndReloadsLosesOnlyWhatTheKilledHad,
		"spawner":   TestDeath_ofTheSpawnerEndsAllAndLosesNothingAccepted,
		"reload":    TestReload_losesNoRequest,
		"scale":     TestScale_losesNoRequest,
		"upgrade":   TestUpgrade_losesNothingAndRunsTheNewProgram,
		"recycling": TestRecycle_underLoadLosesNoRequest,
	} {
		t.Run(name, test)
	}
}

// trust has programs serve with a pair, and their clients trust it.
func trust(t *testing.T, pair *testcert.Pair) *identity {
	files := keep(t, t.TempDir(), "localhost", pair)
	return &identity{
		config: &tls.Config{RootCAs: pair.Pool(), ServerName: "localhost"},
		env:    []string{"FORKER_TEST_CHAIN=" + files[0], "FORKER_TEST_KEY=" + files[1]},
	}
}

// testsOverTLS has the tests of what HTTP and workers do that are run again over TLS.
var testsOverTLS = map[string]func(*testing.T){
	"fate":         TestExchange_hasItsStatusAndFate,
	"large":        TestLargeResponses_waitForTheClient,
	"timeouts":     TestTimeouts_endConnections,
	"body":         TestStreamedBody_isWhole,
	"body bytes":   TestStreamedBody_comesByteByByte,
	"echo":         TestStreamedBody_canBeEchoedAndDeferred,
	"continue":     TestStreamedBody_continuesWhenItIsAskedFor,
	"early":        TestStreamedBody_earlyResponseIsRead,
	"limit":        TestRoute_hasItsOwnLimitForBodies,
	"pause":        TestPause_holdsTheClientUp,
	"pause ends":   TestPause_endsWithAResponseOrTheHandlerTimeout,
	"body late":    TestStreamedBody_thatIsTooSlowIsAnswered408,
	"body left":    TestStreamedBody_endsWhenItsClientLeaves,
	"deferred":     TestDeferred_isAnsweredFromAnotherThread,
	"pipeline":     TestDeferred_keepsTheOrderOfAPipeline,
	"left":         TestDeferred_knowsThatItsClientHasLeft,
	"half closed":  TestDeferred_answersAHalfClosedClient,
	"timeout":      TestHandlerTimeout_isAnswered504,
	"stop":         TestStop_endsDeferredRequests,
	"stream":       TestStream_goesOutInPieces,
	"slow":         TestStream_waitsForASlowClient,
	"stream left":  TestStream_endsWhenItsClientHasLeft,
	"short":        TestStream_thatIsTooShortClosesTheConnection,
	"dropped":      TestStream_thatIsDroppedClosesTheConnection,
	"cut":          TestStream_thatIsDroppedWhileItGoesOutDoesNotLookWhole,
	"stream ends":  TestStream_ofUnknownLengthEndsWithItsClient,
	"half close":   TestHalfClose_getsEveryResponseThatHasAnEnd,
	"events":       TestEvents_areFramed,
	"pool":         TestPool_letsInlineRoutesGoOn,
	"pool left":    TestPool_tellsThatTheClientHasLeft,
	"interleaved":  TestInterleaved_manyClientsOfAllKinds,
	"pieces":       TestBody_isMadeOfPiecesInOrder,
	"lent":         TestLent_isReleasedWhenTheClientLeaves,
	"file":         TestFile_isSent,
	"slow file":    TestFile_waitsForASlowClient,
	"shorter file": TestFile_thatBecomesShorterClosesTheConnection,
	"interim":      TestInterim_comesBeforeTheResponse,
	"threads":      TestInterim_comesFromEveryThread,
	"not read":     TestInterim_toAClientThatDoesNotReadIsNotWaitedFor,
	"no harm":      TestInterim_harmsNoOtherClient,
	"cancelled":    TestCancelled_isSeenByAHandlerThatAsks,
	"reset":        TestReset_atManyPlacesOfAResponse,
	"requests":     TestMaxRequestsPerConnection_closesAfterTheLast,
	"keep-alive":   TestKeepAlive_canBeOffOrEndWithAge,
	"turns":        TestMaxPipelined_givesOthersTheirTurn,
	"buffer":       TestReadBuffer_holdsEveryHeadThatIsAllowed,
	"head":         TestHead_isTakenOnOneSideOfEachLimit,
	"body rate":    TestBodyMinRate_givesSlowClientsMoreTime,
	"write rate":   TestWriteMinRate_givesSlowClientsMoreTime,
	"draining":     TestDraining_isSeenByAHandlerThatRuns,
	"reload":       TestReload_losesNoRequest,
	"scale":        TestScale_losesNoRequest,
	"upgrade":      TestUpgrade_losesNothingAndRunsTheNewProgram,
	"kills":        TestDeath_ofWorkersLosesOnlyWhatTheyHad,
	"storm":        TestStorm_ofKillsAndReloadsLosesOnlyWhatTheKilledHad,
	"spawner":      TestDeath_ofTheSpawnerEndsAllAndLosesNothingAccepted,
}

func TestOverTLS(t *testing.T) {
	pair := testcert.New(testcert.Spec{Names: []string{"localhost"}})
	overTLS = trust(t, pair)
	defer func() { overTLS = nil }()
	for name, test := range testsOverTLS {
		t.Run(name, test)
	}
}
