package prefork

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// How many workers "auto" is: CPUs by affinity and by the quota of the cgroup.

// AutoWorkers is how many workers can run at once: as many as this process has CPUs, but no more than its cgroups allow
// in CPU time, rounded up.
func AutoWorkers() int { return autoWorkers(os.DirFS("/"), affinity()) }

// affinity counts the CPUs that this thread may run on.
func affinity() int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		// EINVAL: the kernel's set is larger than CPUSet. The runtime has read it at its start.
		return runtime.NumCPU()
	}
	return max(set.Count(), 1)
}

func autoWorkers(root fs.FS, cpus int) int {
	quota := math.Ceil(cpuQuota(root))
	if quota >= float64(cpus) {
		return cpus
	}
	return max(int(quota), 1)
}

// cpuQuota gives the least quota of the cgroups that this process is in, in CPUs, +Inf if there is none. What cannot be
// read limits nothing. See cgroups(7), proc_pid_mountinfo(5) and Documentation/admin-guide/cgroup-v2.rst.
func cpuQuota(root fs.FS) float64 {
	quota := math.Inf(1)
	membership, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return quota
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return quota
	}
	for line := range strings.Lines(string(membership)) {
		// hierarchy-ID:controller-list:cgroup-path
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		read := quotaV1
		switch {
		case parts[0] == "0" && parts[1] == "":
			read = quotaV2
		case !slices.Contains(strings.Split(parts[1], ","), "cpu"):
			continue
		}
		mount, ok := findMount(string(mounts), parts[1] == "")
		if !ok {
			continue
		}
		for _, dir := range mount.ancestry(parts[2]) {
			quota = min(quota, read(root, dir))
		}
	}
	return quota
}

// cgroupMount is where a part of a cgroup hierarchy can be seen.
type cgroupMount struct {
	point string
	root  string // the cgroup that is at point
}

// findMount finds the mount of the unified hierarchy, or of version 1's cpu controller.
func findMount(mountinfo string, unified bool) (cgroupMount, bool) {
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		found := right[0] == "cgroup" && slices.Contains(strings.Split(right[2], ","), "cpu")
		if unified {
			found = right[0] == "cgroup2"
		}
		if found {
			return cgroupMount{point: unescape(left[4]), root: unescape(left[3])}, true
		}
	}
	return cgroupMount{}, false
}

// ancestry gives the directories of a cgroup and of its ancestors, as far as they can be seen.
func (m cgroupMount) ancestry(cgroup string) []string {
	inside, ok := strings.CutPrefix(cgroup, strings.TrimSuffix(m.root, "/"))
	if !ok || inside != "" && inside[0] != '/' || strings.HasPrefix(inside, "/..") {
		// The process is elsewhere in the hierarchy than the mount; the mount itself is the nearest that can be seen.
		inside = ""
	}
	top := strings.Trim(path.Clean(m.point), "/")
	dirs := []string{top}
	for name := range strings.SplitSeq(inside, "/") {
		if name != "" {
			dirs = append(dirs, path.Join(dirs[len(dirs)-1], name))
		}
	}
	return dirs
}

// quotaV2 reads "200000 100000" or "max 100000": the time per period, in microseconds.
func quotaV2(root fs.FS, dir string) float64 {
	text, err := fs.ReadFile(root, path.Join(dir, "cpu.max"))
	if err != nil {
		return math.Inf(1)
	}
	quota, period, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	return ratio(quota, period)
}

// quotaV1 reads the same from two files; -1 is no limit.
func quotaV1(root fs.FS, dir string) float64 {
	quota, err := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us"))
	if err != nil {
		return math.Inf(1)
	}
	period, err := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return math.Inf(1)
	}
	return ratio(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

// ratio divides; what is not a quota limits nothing.
func ratio(quota, period string) float64 {
	q, err := strconv.ParseUint(quota, 10, 63)
	if err != nil || q == 0 {
		return math.Inf(1)
	}
	p, err := strconv.ParseUint(period, 10, 63)
	if err != nil || p == 0 {
		return math.Inf(1)
	}
	return float64(q) / float64(p)
}

var unescaper = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// unescape undoes the octal escapes of mountinfo: "\040" is a space.
func unescape(s string) string {
	return unescaper.Replace(s)
}
