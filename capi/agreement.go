package main

/*
#include "base/server.h"
#include "exchange/call.h"
#include "exchange/exchange.h"
#include "log/logfile.h"
#include "supervisor/child.h"
#include "supervisor/control.h"
#include "supervisor/spawner.h"
*/
import "C"

import (
	"time"

	"libforker/engine"
	"libforker/engine/grammar"
	"libforker/engine/grpc"
	"libforker/engine/router"
	"libforker/prefork"
	"libforker/prefork/control"
	"libforker/slot"
)

// The numbers that C and Go both know by themselves, compared when this is compiled.

// The numbers that C and Go both know by themselves, because neither side can ask the other: a line that does not
// compile names one which differs. (The layouts of what they share are in layout.go.)
var (
	// What a route can be; route.c refuses at the call what the router would refuse in every worker.
	_ [C.FK_ROUTES_MAX]byte  = [router.MaxRoutes]byte{}
	_ [C.FK_METHODS_MAX]byte = [router.MaxNamed]byte{}
	_ [C.FK_METHOD_MAX]byte  = [grammar.MaxMethod]byte{}
	_ [C.FK_PARAMS_MAX]byte  = [router.MaxParams]byte{}

	// Who forks, the spawner or the master through it, keeps these.
	_ [C.FK_FORKS_PER_SECOND]byte = [prefork.ForksPerWindow]byte{}
	_ [1]byte                     = [prefork.ForkWindow / time.Second]byte{}
	_ [C.FK_BACKOFF_FIRST_MS]byte = [prefork.BackoffFirst / time.Millisecond]byte{}
	_ [C.FK_BACKOFF_MOST_MS]byte  = [prefork.BackoffMost / time.Millisecond]byte{}
	_ [C.FK_BACKOFF_TENTHS]byte   = [10 * prefork.BackoffFactor]byte{}

	// The control protocol.
	_ [C.FK_CONTROL_MAGIC - control.Magic]byte = [0]byte{}
	_ [C.FK_CONTROL_VERSION]byte               = [control.Version]byte{}
	_ [C.FK_CONTROL_FDS]byte                   = [control.FilesMax]byte{}
	_ [C.FK_CONTROL_MAX]byte                   = [control.Max]byte{}
	_ [C.FK_MSG_ADOPT]byte                     = [control.Adopt]byte{}
	_ [C.FK_MSG_ADOPTED_ALL]byte               = [control.AdoptedAll]byte{}
	_ [C.FK_MSG_SPAWNED]byte                   = [control.Spawned]byte{}
	_ [C.FK_MSG_FAILED]byte                    = [control.Failed]byte{}
	_ [C.FK_MSG_EXITED]byte                    = [control.Exited]byte{}
	_ [C.FK_MSG_STOP]byte                      = [control.Stop]byte{}
	_ [C.FK_MSG_RELOAD]byte                    = [control.Reload]byte{}
	_ [C.FK_MSG_DESIRED]byte                   = [control.Desired]byte{}
	_ [C.FK_MSG_REOPEN_ALL]byte                = [control.ReopenAll]byte{}
	_ [C.FK_MSG_PING]byte                      = [control.Ping]byte{}
	_ [C.FK_MSG_NEW_LOG]byte                   = [control.NewLog]byte{}
	_ [C.FK_MSG_HELLO]byte                     = [control.Hello]byte{}
	_ [C.FK_MSG_SPAWN]byte                     = [control.Spawn]byte{}
	_ [C.FK_MSG_KILL]byte                      = [control.Kill]byte{}
	_ [C.FK_MSG_GIVE_UP]byte                   = [control.GiveUp]byte{}
	_ [C.FK_MSG_DONE]byte                      = [control.Done]byte{}
	_ [C.FK_MSG_PUBLISHED]byte                 = [control.Published]byte{}
	_ [C.FK_MSG_DRAIN]byte                     = [control.Drain]byte{}
	_ [C.FK_MSG_REOPEN]byte                    = [control.Reopen]byte{}
	_ [C.FK_MSG_READY]byte                     = [control.Ready]byte{}
	_ [C.FK_GIVE_UP_BOOT]byte                  = [control.NoWorkerReady]byte{}
	_ [C.FK_GIVE_UP_RESTARTS]byte              = [control.TooManyRestarts]byte{}

	// What the shared memory says, and the program is told.
	_ [C.FK_SLOT_EMPTY]byte      = [slot.Empty]byte{}
	_ [C.FK_SLOT_FORKED]byte     = [slot.Forked]byte{}
	_ [C.FK_SLOT_BOOTING]byte    = [slot.Booting]byte{}
	_ [C.FK_SLOT_READY]byte      = [slot.Ready]byte{}
	_ [C.FK_SLOT_DRAINING]byte   = [slot.Draining]byte{}
	_ [C.FK_PHASE_STARTING]byte  = [slot.Starting]byte{}
	_ [C.FK_PHASE_SERVING]byte   = [slot.Serving]byte{}
	_ [C.FK_PHASE_RELOADING]byte = [slot.Reloading]byte{}
	_ [C.FK_PHASE_DRAINING]byte  = [slot.DrainingAll]byte{}
	_ [C.FK_PHASE_STOPPING]byte  = [slot.Stopping]byte{}
	_ [C.FK_EXIT_NONE]byte       = [slot.NotGone]byte{}
	_ [C.FK_EXIT_SELF]byte       = [slot.Self]byte{}
	_ [C.FK_EXIT_CRASH]byte      = [slot.Crash]byte{}
	_ [C.FK_EXIT_KILLED]byte     = [slot.Killed]byte{}
	_ [C.FK_EXIT_BOOT]byte       = [slot.Boot]byte{}
	_ [C.FK_EXIT_STOP]byte       = [slot.Stop]byte{}
	_ [C.FK_EXIT_RELOAD]byte     = [slot.Reload]byte{}
	_ [C.FK_EXIT_SCALE]byte      = [slot.Scale]byte{}
	_ [C.FK_EXIT_RECYCLE]byte    = [slot.Recycle]byte{}
	_ [C.FK_EXIT_HANG]byte       = [slot.Hang]byte{}
	_ [C.FK_EXIT_MEMORY]byte     = [slot.Memory]byte{}

	_ [C.FK_SHARED_MAGIC - slot.SharedMagic]byte = [0]byte{}
	_ [C.FK_SLOTS_MAX]byte                       = [slot.Max]byte{}
	_ [C.FK_BOXES]byte                           = [slot.Boxes]byte{}
	_ [C.FK_BOX_SIZE]byte                        = [slot.BoxSize]byte{}

	// What C writes itself of a response: a message's prefix and the code of a call.
	_ [C.FK_GRPC_PREFIX]byte    = [grpc.PrefixLen]byte{}
	_ [C.FK_GRPC_CODE_MOST]byte = [grpc.MaxCode]byte{}

	_ [C.FORKER_LOG_ERROR]byte = [prefork.LogError]byte{}
	_ [C.FORKER_LOG_WARN]byte  = [prefork.LogWarn]byte{}
	_ [C.FORKER_LOG_INFO]byte  = [prefork.LogInfo]byte{}
	_ [C.FORKER_LOG_DEBUG]byte = [prefork.LogDebug]byte{}
	_ [C.FORKER_LOG_ERROR]byte = [engine.LogError]byte{}
	_ [C.FORKER_LOG_WARN]byte  = [engine.LogWarn]byte{}
	_ [C.FORKER_LOG_INFO]byte  = [engine.LogInfo]byte{}
)
