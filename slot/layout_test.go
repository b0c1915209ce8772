package slot

import (
	"testing"
	"unsafe"
)

// The numbers are those that gcc gives for capi/base/slot.h on amd64 and arm64.
// place is how large a struct of the C header is, or where a field of it lies.
type place struct {
	name      string
	got, want uintptr
}

func expectLayout(t *testing.T, places []place) {
	t.Helper()
	for _, p := range places {
		if p.got != p.want {
			t.Errorf("%s: %d, want %d", p.name, p.got, p.want)
		}
	}
}

func TestLayout_ofBlackBoxes(t *testing.T) {
	var (
		peer Peer
		box  BlackBox
	)
	// SAFETY: Sizeof and Offsetof are constants; no memory is touched.
	expectLayout(t, []place{
		{"fk_peer", unsafe.Sizeof(peer), 20},
		{"fk_peer.family", unsafe.Offsetof(peer.Family), 0},
		{"fk_peer.port", unsafe.Offsetof(peer.Port), 2},
		{"fk_peer.addr", unsafe.Offsetof(peer.Addr), 4},
		{"fk_black_box", unsafe.Sizeof(box), 200},
		{"fk_black_box.busy", unsafe.Offsetof(box.BusyFlag), 0},
		{"fk_black_box.method_len", unsafe.Offsetof(box.MethodLen), 4},
		{"fk_black_box.target_len", unsafe.Offsetof(box.TargetLen), 6},
		{"fk_black_box.peer", unsafe.Offsetof(box.Peer), 8},
		{"fk_black_box.route", unsafe.Offsetof(box.Route), 28},
		{"fk_black_box.since_ns", unsafe.Offsetof(box.SinceNs), 32},
		{"fk_black_box.method", unsafe.Offsetof(box.MethodText), 40},
		{"fk_black_box.target", unsafe.Offsetof(box.TargetText), 64},
		{"fk_black_box.thread", unsafe.Offsetof(box.Thread), 192},
	})
}

func TestLayout_ofSlots(t *testing.T) {
	var slot Slot
	// SAFETY: Sizeof and Offsetof are constants; no memory is touched.
	expectLayout(t, []place{
		{"fk_slot", unsafe.Sizeof(slot), 5096},
		{"fk_slot.generation", unsafe.Offsetof(slot.Generation), 0},
		{"fk_slot.pid", unsafe.Offsetof(slot.Pid), 4},
		{"fk_slot.dismissed", unsafe.Offsetof(slot.Dismissed), 8},
		{"fk_slot.epoch", unsafe.Offsetof(slot.Epoch), 12},
		{"fk_slot.born_ns", unsafe.Offsetof(slot.BornNs), 16},
		{"fk_slot.requests_before", unsafe.Offsetof(slot.RequestsBefore), 24},
		{"fk_slot.state", unsafe.Offsetof(slot.State), 4096},
		{"fk_slot.reached_ready", unsafe.Offsetof(slot.ReachedReady), 4100},
		{"fk_slot.ready_ns", unsafe.Offsetof(slot.ReadyNs), 4104},
		{"fk_slot.heartbeat_ns", unsafe.Offsetof(slot.HeartbeatNs), 4112},
		{"fk_slot.connections", unsafe.Offsetof(slot.Connections), 4120},
		{"fk_slot.in_flight", unsafe.Offsetof(slot.InFlight), 4128},
		{"fk_slot.pool_size", unsafe.Offsetof(slot.PoolSize), 4136},
		{"fk_slot.pool_used", unsafe.Offsetof(slot.PoolUsed), 4140},
		{"fk_slot.crashed_box", unsafe.Offsetof(slot.CrashedBox), 4144},
		{"fk_slot.asked", unsafe.Offsetof(slot.Asked), 4148},
		{"fk_slot.asked_stop", unsafe.Offsetof(slot.AskedStop), 4152},
		{"fk_slot.asked_scale", unsafe.Offsetof(slot.AskedScale), 4156},
		{"fk_slot.accepted", unsafe.Offsetof(slot.Accepted), 4160},
		{"fk_slot.requests", unsafe.Offsetof(slot.Requests), 4168},
		{"fk_slot.bytes_in", unsafe.Offsetof(slot.BytesIn), 4176},
		{"fk_slot.bytes_out", unsafe.Offsetof(slot.BytesOut), 4184},
		{"fk_slot.responses", unsafe.Offsetof(slot.Responses), 4192},
		{"fk_slot.latency", unsafe.Offsetof(slot.Latency), 4240},
		{"fk_slot.latency_sum_ns", unsafe.Offsetof(slot.LatencySumNs), 4560},
		{"fk_slot.box", unsafe.Offsetof(slot.Box), 4640},
		{"fk_slot.last_words", unsafe.Offsetof(slot.LastWordsText), 4840},
	})
}

func TestLayout_ofTheHeader(t *testing.T) {
	var shared Shared
	// SAFETY: Sizeof and Offsetof are constants; no memory is touched.
	expectLayout(t, []place{
		{"fk_shared", unsafe.Sizeof(shared), 4760},
		{"fk_shared.magic", unsafe.Offsetof(shared.Magic), 0},
		{"fk_shared.slots", unsafe.Offsetof(shared.Slots), 4},
		{"fk_shared.spawner_pid", unsafe.Offsetof(shared.SpawnerPid), 8},
		{"fk_shared.master_pid", unsafe.Offsetof(shared.MasterPid), 12},
		{"fk_shared.stop_timeout_ms", unsafe.Offsetof(shared.StopTimeoutMs), 16},
		{"fk_shared.phase", unsafe.Offsetof(shared.Phase), 20},
		{"fk_shared.started_ns", unsafe.Offsetof(shared.StartedNs), 24},
		{"fk_shared.wanted", unsafe.Offsetof(shared.Wanted), 32},
		{"fk_shared.scale", unsafe.Offsetof(shared.Scale), 36},
		{"fk_shared.held", unsafe.Offsetof(shared.Held), 40},
		{"fk_shared.epoch", unsafe.Offsetof(shared.Epoch), 44},
		{"fk_shared.settled", unsafe.Offsetof(shared.Settled), 48},
		{"fk_shared.reopens", unsafe.Offsetof(shared.Reopens), 52},
		{"fk_shared.master_starts", unsafe.Offsetof(shared.MasterStarts), 56},
		{"fk_shared.worker_starts", unsafe.Offsetof(shared.WorkerStarts), 64},
		{"fk_shared.exits", unsafe.Offsetof(shared.Exits), 72},
		{"fk_shared.crash", unsafe.Offsetof(shared.Crash), 160},
		{"fk_shared.validities", unsafe.Offsetof(shared.Validities), 664},
	})
}

func TestLayout_ofCrashReports(t *testing.T) {
	var crash CrashPage
	// SAFETY: Sizeof and Offsetof are constants; no memory is touched.
	expectLayout(t, []place{
		{"fk_crash", unsafe.Sizeof(crash), 504},
		{"fk_crash.version", unsafe.Offsetof(crash.Version), 0},
		{"fk_crash.reason", unsafe.Offsetof(crash.Reason), 4},
		{"fk_crash.worker", unsafe.Offsetof(crash.Worker), 8},
		{"fk_crash.generation", unsafe.Offsetof(crash.Generation), 12},
		{"fk_crash.pid", unsafe.Offsetof(crash.Pid), 16},
		{"fk_crash.status", unsafe.Offsetof(crash.Status), 20},
		{"fk_crash.wall_ns", unsafe.Offsetof(crash.WallNs), 24},
		{"fk_crash.age_ns", unsafe.Offsetof(crash.AgeNs), 32},
		{"fk_crash.inside_ns", unsafe.Offsetof(crash.InsideNs), 40},
		{"fk_crash.box", unsafe.Offsetof(crash.Box), 48},
		{"fk_crash.last_words", unsafe.Offsetof(crash.LastWordsText), 248},
	})
}
