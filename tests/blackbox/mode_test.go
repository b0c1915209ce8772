package blackbox

import "testing"

// mode is how later.c, pieces.c and upload.c serve: by one worker, or in the program's own process.
var mode = "workers=1"

// startInMode starts a program and waits until it serves.
func startInMode(t *testing.T, s setup, options []string) *program {
	t.Helper()
	s.env = environment(append([]string{mode}, options...))
	p := start(t, s)
	if mode == "workers=0" {
		p.waitAnnounced(1)
		return p
	}
	return p.waitReady()
}

// TestInProcess_doesWhatWorkersDo runs the tests of responses that come later, and of bodies in pieces, where the program
// itself serves. Only that of a crash has no sense there.
func TestInProcess_doesWhatWorkersDo(t *testing.T) {
	mode = "workers=0"
	defer func() { mode = "workers=1" }()
	for name, test := range map[string]func(*testing.T){
		"body":        TestStreamedBody_isWhole,
		"echo":        TestStreamedBody_canBeEchoedAndDeferred,
		"continue":    TestStreamedBody_continuesWhenItIsAskedFor,
		"early":       TestStreamedBody_earlyResponseIsRead,
		"gathered":    TestStreamedBody_isGatheredForTheNextRoute,
		"limit":       TestRoute_hasItsOwnLimitForBodies,
		"pause":       TestPause_holdsTheClientUp,
		"pause ends":  TestPause_endsWithAResponseOrTheHandlerTimeout,
		"body late":   TestStreamedBody_thatIsTooSlowIsAnswered408,
		"body left":   TestStreamedBody_endsWhenItsClientLeaves,
		"deferred":    TestDeferred_isAnsweredFromAnotherThread,
		"pipeline":    TestDeferred_keepsTheOrderOfAPipeline,
		"others":      TestDeferred_serveOthersMeanwhile,
		"left":        TestDeferred_knowsThatItsClientHasLeft,
		"post":        TestPost_callsOnTheMainThreadInOrder,
		"half closed": TestDeferred_answersAHalfClosedClient,
		"misuse":      TestDeferred_misuseIsALoggedError,
		"timeout":     TestHandlerTimeout_isAnswered504,
		"stop":        TestStop_endsDeferredRequests,
		"stream":      TestStream_goesOutInPieces,
		"slow":        TestStream_waitsForASlowClient,
		"stream left": TestStream_endsWhenItsClientHasLeft,
		"short":       TestStream_thatIsTooShortClosesTheConnection,
		"dropped":     TestStream_thatIsDroppedClosesTheConnection,
		"stream ends": TestStream_ofUnknownLengthEndsWithItsClient,
		"half close":  TestHalfClose_getsEveryResponseThatHasAnEnd,
		"events":      TestEvents_areFramed,
		"pool":        TestPool_letsInlineRoutesGoOn,
		"bounded":     TestPool_isBounded,
		"idle":        TestPool_usesTheLatestThreadAndEndsIdleOnes,
		"passed on":   TestPool_passesOnToTheLoopAndDefers,
		"pool left":   TestPool_tellsThatTheClientHasLeft,
		"interleaved": TestInterleaved_manyClientsOfAllKinds,
		"pieces":      TestBody_isMadeOfPiecesInOrder,
		"lent":        TestLent_isReleasedWhenTheClientLeaves,
		"file":        TestFile_isSent,
		"slow file":   TestFile_waitsForASlowClient,
		"interim":     TestInterim_comesBeforeTheResponse,
		"threads":     TestInterim_comesFromEveryThread,
		"not read":    TestInterim_toAClientThatDoesNotReadIsNotWaitedFor,
		"no harm":     TestInterim_harmsNoOtherClient,
		"hijack":      TestHijack_givesTheConnectionToTheProgram,
		"cancelled":   TestCancelled_isSeenByAHandlerThatAsks,
		"reset":       TestReset_atManyPlacesOfAResponse,
		"guard":       TestGroup_letsThroughWhatItsGuardLets,
		"midway":      TestGroup_deferredBeforeGoesOn,
		"done":        TestGroup_doneComesWhateverBecomesOfTheRequest,
		"refused":     TestGroup_refusesABodyBeforeItComes,
	} {
		t.Run(name, test)
	}
}
