package blackbox

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// withoutIPv6 runs a program in a network namespace of its own, in which there is no address of IPv6, as in a container.
var withoutIPv6 = []string{
	"unshare", "--net", "sh", "-c", `ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && exec "$@"`, "sh",
}

func TestListen_servesIPv4WhereThereIsNoIPv6(t *testing.T) {
	asRoot(t)
	for _, address := range []string{"localhost:0", ":0"} {
		t.Run(address, func(t *testing.T) {
			p := start(t, setup{
				source: "dualhost.c", under: withoutIPv6, args: []string{address}, env: environment([]string{"workers=1"}),
			}).waitReady()
			_, port, _ := strings.Cut(p.address(0), ":")
			url := "http://127.0.0.1:" + port + "/"
			out, err := exec.Command("nsenter", "-t", strconv.Itoa(p.pid()), "-n", "curl", "-s", url).Output()
			if err != nil || string(out) != "hello\n" {
				t.Errorf("%s answers %q, %v", url, out, err)
			}
			p.stop(syscall.SIGTERM)
			p.out.wait(t, 0, "run returned 0: ")
			if p.out.count("listening 1 ") != 0 {
				t.Errorf("it listened on more:\n%s", p.out)
			}
			const line = "not on [::1], which this machine does not have"
			if said := p.log.count(line) == 1; said != (address == "localhost:0") {
				t.Errorf("it was told %v:\n%s", said, p.log)
			}
		})
	}
}

func TestListen_onIPv6AloneIsRefusedWhereThereIsNone(t *testing.T) {
	asRoot(t)
	p := start(t, setup{source: "dualhost.c", under: withoutIPv6, args: []string{"[::1]:0"}})
	if status := p.wait(); status != 1 {
		t.Errorf("exit status %d", status)
	}
	p.out.wait(t, 0, "listen [::1]:0: bind: Cannot assign requested address")
}

func TestListen_onLocalhostIsOnEveryAddressOfIt(t *testing.T) {
	has, err := os.ReadFile("/proc/net/if_inet6")
	if err != nil || !strings.Contains(string(has), "00000000000000000000000000000001 ") {
		t.Skip("this machine has no ::1")
	}
	p := start(t, setup{source: "dualhost.c", args: []string{"localhost:0"}, env: environment([]string{"workers=1"})}).waitReady()
	for index, host := range []string{"[::1]:", "127.0.0.1:"} {
		address := p.address(index)
		if got := dial(t, address).get("/").body; got != "hello\n" || !strings.HasPrefix(address, host) {
			t.Errorf("%s answers %q", address, got)
		}
	}
}

func TestListen_onTheNextAddressIfThisOneIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	p := start(t, setup{source: "nextport.c", args: []string{taken.Addr().String(), "nonsense", "127.0.0.1:0"}}).waitReady()
	p.out.wait(t, 0, "listen "+taken.Addr().String()+": bind: Address already in use")
	p.out.wait(t, 0, "listen nonsense: no port")
	p.expectGet("/", 200, "hello\n")
}
