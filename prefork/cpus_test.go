package prefork

import (
	"math"
	"testing"
	"testing/fstest"
)

// tree makes a file system of files by path.
func tree(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for path, text := range files {
		root[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

const (
	unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
	first   = "31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
)

func TestCPUQuota(t *testing.T) {
	none := math.Inf(1)
	for name, c := range map[string]struct {
		cgroup, mounts string
		files          map[string]string
		want           float64
	}{
		"no limit": {"0::/app\n", unified, map[string]string{"sys/fs/cgroup/app/cpu.max": "max 100000\n"}, none},
		"own":      {"0::/app\n", unified, map[string]string{"sys/fs/cgroup/app/cpu.max": "250000 100000\n"}, 2.5},
		"an ancestor's": {"0::/a/b\n", unified, map[string]string{
			"sys/fs/cgroup/a/cpu.max": "150000 100000\n", "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
		}, 1.5},
		"of a container":                   {"0::/\n", unified, map[string]string{"sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3},
		"of another part of the hierarchy": {"0::/../other\n", unified, map[string]string{"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5},
		"where the mount shows a part": {
			"0::/docker/x/app\n", "30 23 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			map[string]string{"sys/fs/cgroup/app/cpu.max": "200000 100000\n"},
			2,
		},
		"a path with a space": {
			"0::/app\n", "30 23 0:26 / /sys/fs\\040x rw - cgroup2 cgroup2 rw\n",
			map[string]string{"sys/fs x/app/cpu.max": "200000 100000\n"},
			2,
		},
		"version 1": {"4:cpu,cpuacct:/app\n3:memory:/app\n", first, map[string]string{
			"sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us": "150000\n", "sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us": "100000\n",
		}, 1.5},
		"version 1, no limit": {"4:cpu,cpuacct:/app\n", first, map[string]string{
			"sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us": "100000\n",
		}, none},
		"version 1, half of it": {
			"4:cpu,cpuacct:/app\n", first,
			map[string]string{"sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us": "150000\n"},
			none,
		},
		"nonsense":   {"0::/app\n", unified, map[string]string{"sys/fs/cgroup/app/cpu.max": "a lot\n"}, none},
		"no period":  {"0::/app\n", unified, map[string]string{"sys/fs/cgroup/app/cpu.max": "100000\n"}, none},
		"period 0":   {"0::/app\n", unified, map[string]string{"sys/fs/cgroup/app/cpu.max": "100000 0\n"}, none},
		"no mount":   {"0::/app\n", first, nil, none},
		"odd lines":  {"nothing\n\n", "nothing\n - \n", nil, none},
		"no cgroups": {"", "", nil, none},
	} {
		root := tree(c.files)
		root["proc/self/cgroup"] = &fstest.MapFile{Data: []byte(c.cgroup)}
		root["proc/self/mountinfo"] = &fstest.MapFile{Data: []byte(c.mounts)}
		if got := cpuQuota(root); got != c.want {
			t.Errorf("%s: %v CPUs, want %v", name, got, c.want)
		}
	}
	if got := cpuQuota(tree(nil)); got != none {
		t.Errorf("without /proc: %v CPUs", got)
	}
}

func TestAutoWorkers_areNoMoreThanCanRun(t *testing.T) {
	for quota, want := range map[string]int{"max": 4, "10000": 1, "100000": 1, "110000": 2, "390000": 4, "900000": 4} {
		root := tree(map[string]string{
			"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": unified, "sys/fs/cgroup/cpu.max": quota + " 100000\n",
		})
		if got := autoWorkers(root, 4); got != want {
			t.Errorf("%s of 100000 us: %d workers, want %d", quota, got, want)
		}
	}
	if got := AutoWorkers(); got < 1 {
		t.Errorf("%d workers here", got)
	}
}
