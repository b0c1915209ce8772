package prefork

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"libforker/prefork/control"
)

// Workers that the kernel has killed for want of memory.

// oomKills gives how many processes of this process's cgroup the kernel has killed for want of memory; ok is false if
// that cannot be told, as under version 1. See Documentation/admin-guide/cgroup-v2.rst, memory.events.
func oomKills(root fs.FS) (n uint64, ok bool) {
	membership, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return 0, false
	}
	mount, found := findMount(string(mounts), true)
	for line := range strings.Lines(string(membership)) {
		cgroup, unified := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::")
		if !unified || !found {
			continue
		}
		dirs := mount.ancestry(cgroup)
		events, err := fs.ReadFile(root, path.Join(dirs[len(dirs)-1], "memory.events"))
		if err != nil {
			return 0, false
		}
		for event := range strings.Lines(string(events)) {
			if count, is := strings.CutPrefix(event, "oom_kill "); is {
				n, err := strconv.ParseUint(strings.TrimSpace(count), 10, 64)
				return n, err == nil
			}
		}
	}
	return 0, false
}

// OOMKills is oomKills of this machine.
func OOMKills() (n uint64, ok bool) { return oomKills(os.DirFS("/")) }

// killer says who may have killed a worker by SIGKILL that the master has not sent; "" for any other end.
func (m *master) killer(w *worker, exit control.Exit) string {
	status := unix.WaitStatus(exit.Status)
	if exit.Status < 0 || !status.Signaled() || status.Signal() != unix.SIGKILL || w.state == stateKilled {
		return ""
	}
	before := m.oomKills
	now, known := m.sys.OOMKills()
	m.oomKills = now
	switch {
	case !known:
		return ", probably by the kernel's OOM killer, or by somebody's kill -9"
	case now > before:
		return ", by the kernel's OOM killer: memory.events has counted it"
	}
	return ", by somebody's kill -9: memory.events has counted no OOM kill"
}
