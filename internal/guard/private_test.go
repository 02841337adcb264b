package guard

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestAddressesThatAreNotOfThePublicInternet(t *testing.T) {
	for address, want := range map[string]string{
		"8.8.8.8": "", "9.255.255.255": "", "11.0.0.0": "", "172.15.255.255": "", "172.32.0.0": "", "192.169.0.0": "", "100.63.255.255": "", "100.128.0.0": "",
		"2606:4700::1111": "", "2a00::1": "",
		"0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "127.0.0.1": "loopback", "127.255.255.254": "loopback", "10.0.0.1": "private", "172.16.0.1": "private", "172.31.255.255": "private",
		"192.168.1.1": "private", "169.254.169.254": "link-local", "100.64.0.1": "shared", "100.127.255.255": "shared", "224.0.0.1": "multicast", "239.255.255.255": "multicast",
		"240.0.0.1": "reserved", "255.255.255.255": "reserved", "192.0.0.8": "reserved", "192.0.2.1": "documentation", "198.18.0.1": "benchmarking",
		"::": "unspecified", "::1": "loopback", "fe80::1": "link-local", "fe80::1%eth0": "link-local", "fc00::1": "private", "fdff::1": "private", "fec0::1": "private", "ff02::1": "multicast",
		"2001:db8::1": "documentation", "2001::1": "reserved", "100::1": "reserved",
		// an address of IPv4 in one of IPv6
		"::ffff:127.0.0.1": "loopback", "::ffff:10.0.0.1": "private", "::ffff:8.8.8.8": "", "::127.0.0.1": "loopback", "64:ff9b::127.0.0.1": "loopback", "64:ff9b::a9fe:a9fe": "link-local",
		"64:ff9b::8.8.8.8": "", "64:ff9b:1::8.8.8.8": "private", "2002:7f00:1::": "loopback", "2002:808:808::1": "", "2002:a00:1::1": "private",
	} {
		if got := private(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

// TestWhatNetipCallsPrivateIs compares with the standard library: it knows fewer blocks, and none that is not refused.
func TestWhatNetipCallsPrivateIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes")
		a := netip.AddrFrom16([16]byte(bytes))
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			a = netip.AddrFrom4([4]byte(bytes[:4]))
		case 1:
			a = netip.AddrFrom16([16]byte(append(make([]byte, 10), 0xff, 0xff, bytes[0], bytes[1], bytes[2], bytes[3]))) // mapped
		case 2:
			a = a.WithZone("eth0")
		}
		u := a.Unmap()
		special := u.IsPrivate() || u.IsLoopback() || u.IsLinkLocalUnicast() || u.IsMulticast() || u.IsUnspecified() || u == netip.MustParseAddr("255.255.255.255")
		if special && private(a) == "" {
			t.Errorf("%s is taken for a public address", a)
		}
	})
}
