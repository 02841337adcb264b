package guard

import "net/netip"

// blocks are addresses that are not of the public Internet, by the registries of IANA for special purposes (RFC 6890), with those that are for many hosts.
var blocks = []struct {
	prefix netip.Prefix
	kind   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared"}, // RFC 6598, of carrier-grade NAT
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"}, // clouds keep credentials there
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "reserved"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"}, // 255.255.255.255 among them
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "private"}, // RFC 8215, a network's own NAT64
	{netip.MustParsePrefix("100::/64"), "reserved"},
	{netip.MustParsePrefix("2001::/23"), "reserved"}, // Teredo among them
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
	{netip.MustParsePrefix("5f00::/16"), "reserved"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "private"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// within are blocks of IPv6 in whose addresses one of IPv4 stands, at which byte.
var within = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},         // RFC 4291, "IPv4-compatible"
	{netip.MustParsePrefix("::ffff:0:0/96"), 12}, // "IPv4-mapped"
	{netip.MustParsePrefix("64:ff9b::/96"), 12},  // RFC 6052, NAT64
	{netip.MustParsePrefix("2002::/16"), 2},      // RFC 3056, 6to4
}

// private says of which kind an address is that is not of the public Internet; "" of one that is.
func private(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	for _, b := range blocks {
		if b.prefix.Contains(a) {
			return b.kind
		}
	}
	if a.Is4() {
		return ""
	}
	for _, w := range within {
		if w.prefix.Contains(a) {
			b := a.As16()
			return private(netip.AddrFrom4([4]byte(b[w.at : w.at+4])))
		}
	}
	return ""
}
