package engine

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The tests of what HTTP does, over TLS.

// overTLS has all servers that are started speak TLS.
var overTLS bool

// testsOverTLS has the tests that are run again over TLS. Left out are those that look at listeners, at single system calls or
// at the memory of the loop, and a few that take long and would see nothing else here.
var testsOverTLS = []struct {
	name string
	test func(*testing.T)
}{
	{"Deferred_pipelineKeepsItsOrder", TestDeferred_pipelineKeepsItsOrder},
	{"Deferred_halfClosedClientWaits", TestDeferred_halfClosedClientWaits},
	{"Deferred_drop", TestDeferred_drop},
	{"Deferred_manyEventsAtOnce", TestDeferred_manyEventsAtOnce},
	{"Deferred_clientLeavesWithTheResponse", TestDeferred_clientLeavesWithTheResponse},
	{"Deferred_isAnsweredByAnotherGoroutine", TestDeferred_isAnsweredByAnotherGoroutine},
	{"Deferred_outlivesItsClient", TestDeferred_outlivesItsClient},
	{"Deferred_timesOut", TestDeferred_timesOut},
	{"Pool_answeredBeforeTheHandlerReturns", TestPool_answeredBeforeTheHandlerReturns},
	{"Pool_servesManyConnectionsAtOnce", TestPool_servesManyConnectionsAtOnce},
	{"Pool_keepsARequestWhoseClientLeft", TestPool_keepsARequestWhoseClientLeft},

	{"Compress_ofWhat", TestCompress_ofWhat},
	{"Compress_streamsAreFlushed", TestCompress_streamsAreFlushed},

	{"Users_showTheirPassword", TestUsers_showTheirPassword},
	{"Users_bodiesComeWhenTheyAreKnown", TestUsers_bodiesComeWhenTheyAreKnown},
	{"Users_holdUpNobody", TestUsers_holdUpNobody},

	{"Files_areServed", TestFiles_areServed},
	{"Files_ranges", TestFiles_ranges},
	{"Files_severalRanges", TestFiles_severalRanges},
	{"Files_evictedWhileTheyAreSent", TestFiles_evictedWhileTheyAreSent},

	{"Response_framing", TestResponse_framing},
	{"Response_toARefusedHead", TestResponse_toARefusedHead},
	{"Response_ofTheEngine", TestResponse_ofTheEngine},

	{"Body_arrivesWhole", TestBody_arrivesWhole},
	{"Body_large_isFollowedByAnything", TestBody_large_isFollowedByAnything},
	{"Body_limit", TestBody_limit},
	{"Body_promisedIsNotTaken", TestBody_promisedIsNotTaken},
	{"Body_refusedUploadReadsItsResponse", TestBody_refusedUploadReadsItsResponse},
	{"Trailer_cutAnywhere", TestTrailer_cutAnywhere},
	{"Connection_clientThatGoesOnReadsTheLastResponse", TestConnection_clientThatGoesOnReadsTheLastResponse},
	{"Expect_noContinue", TestExpect_noContinue},
	{"Expect_isAnsweredAtOnceWhereNoHandlerWantsTheBody", TestExpect_isAnsweredAtOnceWhereNoHandlerWantsTheBody},

	{"Client_halfCloses", TestClient_halfCloses},
	{"Client_resetsAnywhereInARequest", TestClient_resetsAnywhereInARequest},
	{"Client_resetsAnywhereInAResponse", TestClient_resetsAnywhereInAResponse},
	{"Client_leavesAHandlerThatAsks", TestClient_leavesAHandlerThatAsks},

	{"Connection_keptAlive", TestConnection_keptAlive},
	{"Connection_fate", TestConnection_fate},
	{"Connection_ignoresWhatFollowsTheLastRequest", TestConnection_ignoresWhatFollowsTheLastRequest},
	{"Pipelining_answersBeforeAnIncompleteRequest", TestPipelining_answersBeforeAnIncompleteRequest},
	{"Pipelining_stopsAtARefusedRequest", TestPipelining_stopsAtARefusedRequest},
	{"Request_cutAnywhere", TestRequest_cutAnywhere},
	{"Request_headOfTheLargestSize", TestRequest_headOfTheLargestSize},

	{"Drain_nothingOpen", TestDrain_nothingOpen},
	{"Drain_isToldByTheSharedMemoryBeforeTheLoopHearsOfIt", TestDrain_isToldByTheSharedMemoryBeforeTheLoopHearsOfIt},
	{"Drain_idleConnectionsHaveGrace", TestDrain_idleConnectionsHaveGrace},
	{"Drain_givesNewConnectionsTimeForTheirFirstRequest", TestDrain_givesNewConnectionsTimeForTheirFirstRequest},
	{"Drain_answersARequestThatComesAsTheGraceEnds", TestDrain_answersARequestThatComesAsTheGraceEnds},
	{"Drain_finishesWhatHasBegun", TestDrain_finishesWhatHasBegun},
	{"Drain_endsAClientThatNeverStopsSending", TestDrain_endsAClientThatNeverStopsSending},
	{"Drain_limit", TestDrain_limit},
	{"Drain_isPutOffByTimeInWhichNothingRan", TestDrain_isPutOffByTimeInWhichNothingRan},
	{"Drain_waitsForAClientThatGoesOnSending", TestDrain_waitsForAClientThatGoesOnSending},
	{"Drain_atOnce", TestDrain_atOnce},
	{"Drain_slowReaderGetsItsResponse", TestDrain_slowReaderGetsItsResponse},
	{"Drain_givesGraceToWhatBecomesIdleLater", TestDrain_givesGraceToWhatBecomesIdleLater},
	{"Drain_waitsForWhatIsPending", TestDrain_waitsForWhatIsPending},

	{"Taking_givesEachPieceWhenItComes", TestTaking_givesEachPieceWhenItComes},
	{"Taking_takesNoMoreMemoryThanTheInputBuffer", TestTaking_takesNoMoreMemoryThanTheInputBuffer},
	{"Taking_tellsTheClientToContinueWhenTheBodyIsWanted", TestTaking_tellsTheClientToContinueWhenTheBodyIsWanted},
	{"Taking_doesNotCallAHandlerForABodyThatIsTooLong", TestTaking_doesNotCallAHandlerForABodyThatIsTooLong},
	{"Taking_answerBeforeTheEndOfTheBody", TestTaking_answerBeforeTheEndOfTheBody},
	{"Taking_answerInTheMiddleOfChunksThatHaveCome", TestTaking_answerInTheMiddleOfChunksThatHaveCome},
	{"Taking_timeOfTheBody", TestTaking_timeOfTheBody},
	{"Taking_requestCanBeReadUntilTheLastCall", TestTaking_requestCanBeReadUntilTheLastCall},
	{"Taking_isCollectedForARouteThatDoesNotStream", TestTaking_isCollectedForARouteThatDoesNotStream},

	{"ReadBuffer_isWhatOneReadTakes", TestReadBuffer_isWhatOneReadTakes},
	{"MaxPipelined_isOneTurn", TestMaxPipelined_isOneTurn},
	{"InFlight_isWhileTheHandlerRuns", TestInFlight_isWhileTheHandlerRuns},

	{"Pause_takesNothingUntilItIsResumed", TestPause_takesNothingUntilItIsResumed},
	{"Pause_holdsTheClientUp", TestPause_holdsTheClientUp},
	{"Pause_atTheHeadKeepsTheClientWaitingFor100", TestPause_atTheHeadKeepsTheClientWaitingFor100},
	{"Pause_ofOneRequestIsNotThatOfTheNext", TestPause_ofOneRequestIsNotThatOfTheNext},
	{"Pause_stopsTheTimeOfTheBody", TestPause_stopsTheTimeOfTheBody},
	{"Pause_isLimitedByTheTimeOfTheHandler", TestPause_isLimitedByTheTimeOfTheHandler},
	{"Pause_isLimitedEachForItself", TestPause_isLimitedEachForItself},
	{"Pause_endsWhenTheClientResets", TestPause_endsWhenTheClientResets},
	{"Pause_seesTheEndOfTheClient", TestPause_seesTheEndOfTheClient},
	{"Pause_isWaitedForInADrain", TestPause_isWaitedForInADrain},

	{"Stream_goesOutAsItIsWritten", TestStream_goesOutAsItIsWritten},
	{"Stream_droppedBeforeItsHandlerReturns", TestStream_droppedBeforeItsHandlerReturns},
	{"Stream_toHTTP10ThatIsCutIsReset", TestStream_toHTTP10ThatIsCutIsReset},
	{"Stream_inChunks", TestStream_inChunks},
	{"Stream_trailers", TestStream_trailers},
	{"Stream_framing", TestStream_framing},
	{"Stream_droppedInTheMiddle", TestStream_droppedInTheMiddle},
	{"Stream_droppedForHEAD", TestStream_droppedForHEAD},
	{"Stream_clientLeaves", TestStream_clientLeaves},
	{"Stream_slowReaderGetsEverything", TestStream_slowReaderGetsEverything},

	{"Parts_inOrder", TestParts_inOrder},
	{"Parts_clientLeaves", TestParts_clientLeaves},
	{"Parts_fileThatShrinksClosesTheConnection", TestParts_fileThatShrinksClosesTheConnection},

	{"SlowReader_getsEverythingInOrder", TestSlowReader_getsEverythingInOrder},
	{"SlowReader_pipelinesWithoutEnd", TestSlowReader_pipelinesWithoutEnd},

	{"Timeout_headOfNewConnection", TestTimeout_headOfNewConnection},
	{"Timeout_headBeginsWithItsFirstByte", TestTimeout_headBeginsWithItsFirstByte},
	{"Timeout_headBehindAnotherRequest", TestTimeout_headBehindAnotherRequest},
	{"Timeout_body", TestTimeout_body},
	{"Timeout_bodyThatComesFastEnoughHasMoreTime", TestTimeout_bodyThatComesFastEnoughHasMoreTime},
	{"Timeout_idle", TestTimeout_idle},
	{"Timeout_idleBehindAnEmptyLine", TestTimeout_idleBehindAnEmptyLine},
	{"Timeout_emptyLineOnANewConnection", TestTimeout_emptyLineOnANewConnection},
	{"Timeout_headBehindAnEmptyLine", TestTimeout_headBehindAnEmptyLine},
	{"Timeout_write", TestTimeout_write},
	{"Timeout_lingerOfASilentClient", TestTimeout_lingerOfASilentClient},
	{"Timeout_lingerOfAClientThatGoesOn", TestTimeout_lingerOfAClientThatGoesOn},
	{"Timeout_machineSlept", TestTimeout_machineSlept},
}

// TestOverTLS runs tests again whose servers and clients speak TLS.
func TestOverTLS(t *testing.T) {
	overTLS = true
	defer func() { overTLS = false }()
	for _, row := range testsOverTLS {
		t.Run(row.name, row.test)
	}
}

// secure has c speak TLS, and returns when the loop has taken the session over: of those beside the loop
// settle does not know.
func (s *server) secure(c *client) {
	s.t.Helper()
	conn := tls.Client(whole{c.socket, bufio.NewReaderSize(c.socket, 1<<20)}, clientConfig())
	s.must(conn.Handshake())
	c.Conn, c.in = conn, bufio.NewReader(conn)
	s.eventually("the end of the handshake", func() bool { return s.loop.shaking == 0 })
}

// whole is a socket of which everything that is there is read at once. On packets, what a read has no room for is lost.
type whole struct {
	net.Conn
	in *bufio.Reader
}

func (w whole) Read(room []byte) (int, error) { return w.in.Read(room) }

// isSecured tells if c speaks TLS.
func (c *client) isSecured() bool { return c.Conn != c.socket }

// readOn reads what has come along with the record that was read last: what the engine writes at once can be several.
func (c *client) readOn(room []byte) (n int) {
	c.must(c.SetReadDeadline(time.Unix(1, 0))) // Of the socket nothing is read then.
	for {
		more, err := c.Read(room[n:])
		if n += more; err != nil {
			break
		}
	}
	c.must(c.SetReadDeadline(time.Now().Add(patience)))
	return n
}

// halfCloseSocket sends the end of a socket whose TLS has ended. The server may have been quicker.
func (c *client) halfCloseSocket() {
	c.t.Helper()
	err := c.socket.(interface{ CloseWrite() error }).CloseWrite()
	if !errors.Is(err, unix.ENOTCONN) {
		c.must(err)
	}
}
