//! Who sent a request, as far as it can be believed.
//!
//! What a connection comes from is a fact; what was written along the way is a claim, and is believed from
//! [`TrustedProxies`] only. [`TrustedProxies::client`] is the one place where `X-Forwarded-For` is read: from the right,
//! because each proxy adds at the right what it has seen, and no further than the first address that is not a proxy's
//! own. What stands to the left of that one came from the client, who may write anything; and so may one of whom a trusted
//! proxy says that it does not know who he is ([`Peer::OnBehalf`]).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A client with this address; one that is an IPv4 address in IPv6's clothes is told as IPv4.
    Ip(IpAddr),
    /// Somebody whose connection this trusted proxy forwards without knowing who it is. He is told as the proxy, since
    /// nothing nearer is known, and believed as little as anybody.
    OnBehalf(IpAddr),
    /// A client on this machine, over a Unix socket.
    Unix,
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address.to_canonical())
    }
}

impl Peer {
    /// Somebody unknown behind this peer.
    pub(super) fn on_behalf(self) -> Self {
        match self {
            Self::Ip(address) | Self::OnBehalf(address) => Self::OnBehalf(address),
            Self::Unix => Self::Unix,
        }
    }

    /// What to count by: an IPv4 address, or the 64 bits of an IPv6 network, of which a host has all addresses. None for
    /// whoever is on this machine.
    pub(crate) fn host(self) -> Option<IpAddr> {
        match self {
            Self::Ip(IpAddr::V6(address)) | Self::OnBehalf(IpAddr::V6(address)) => {
                Some(Ipv6Addr::from_bits(address.to_bits() & !0 << 64).into())
            }
            Self::Ip(address) | Self::OnBehalf(address) => Some(address),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) | Self::OnBehalf(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// The networks whose word about others is believed.
#[derive(Debug, Default)]
pub struct TrustedProxies(Vec<(IpAddr, u8)>);

impl TrustedProxies {
    /// Networks as an address and the number of its leading bits that count; more than the address has count as all.
    pub fn new(networks: impl IntoIterator<Item = (IpAddr, u8)>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether this peer's word is believed.
    #[must_use]
    pub fn trusts(&self, peer: Peer) -> bool {
        let Peer::Ip(address) = peer else { return false };
        self.0.iter().any(|(network, prefix)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let ignored = 32_u32.saturating_sub(u32::from(*prefix));
                (network.to_bits() ^ address.to_bits()).checked_shr(ignored).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let ignored = 128_u32.saturating_sub(u32::from(*prefix));
                (network.to_bits() ^ address.to_bits()).checked_shr(ignored).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        })
    }

    /// Who sent a request that came over a connection from `peer`: the rightmost of `X-Forwarded-For` that is not trusted
    /// itself, if the peer is. Where all are trusted it is the leftmost; an entry that is no address ends the search at
    /// the last one that was.
    #[must_use]
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        // Before the header is looked for: most requests come from peers that are not trusted.
        if !self.trusts(peer) {
            return peer;
        }
        let mut believed = peer;
        let mut lines = headers.get_all(FORWARDED_FOR).iter().rev();
        while self.trusts(believed) {
            let Some(line) = lines.next() else { break };
            for entry in line.as_bytes().rsplit(|byte| *byte == b',') {
                if !self.trusts(believed) {
                    break;
                }
                let Some(address) = address(entry) else { return believed };
                believed = address.into();
            }
        }
        believed
    }
}

/// `192.0.2.1`, `2001:db8::1`, and both with a port, as some proxies write them.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn trusted(networks: &[(&str, u8)]) -> TrustedProxies {
        TrustedProxies::new(networks.iter().map(|(address, prefix)| (address.parse().unwrap(), *prefix)))
    }

    #[test]
    fn a_network_holds_the_addresses_that_share_its_leading_bits() {
        for (network, prefix, within, without) in [
            ("10.1.2.3", 32, &["10.1.2.3", "::ffff:10.1.2.3"][..], &["10.1.2.2", "::1", "::10.1.2.3"][..]),
            ("10.0.0.0", 8, &["10.0.0.0", "10.255.255.255"], &["9.255.255.255", "11.0.0.0"]),
            ("192.168.4.0", 23, &["192.168.4.1", "192.168.5.255"], &["192.168.3.255", "192.168.6.0"]),
            ("0.0.0.0", 0, &["0.0.0.0", "255.255.255.255"], &["::", "::1"]),
            ("::", 0, &["::", "2001:db8::1"], &["127.0.0.1"]),
            ("2001:db8::", 33, &["2001:db8:7fff::1"], &["2001:db8:8000::1"]),
            ("::1", 128, &["::1"], &["::2", "127.0.0.1"]),
        ] {
            let trusted = trusted(&[(network, prefix)]);
            assert!(within.iter().all(|address| trusted.trusts(peer(address))), "{network}/{prefix}");
            assert!(!without.iter().any(|address| trusted.trusts(peer(address))), "{network}/{prefix}");
            assert!(!trusted.trusts(Peer::Unix));
        }
        assert!(!TrustedProxies::default().trusts(peer("127.0.0.1")));
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_no_proxys() {
        let trusted = trusted(&[("10.0.0.0", 8), ("::1", 128)]);
        for (from, lines, client) in [
            ("10.0.0.1", &[][..], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.9, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.9,\t192.0.2.1 , 10.0.0.2,::1"], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.9", "192.0.2.1", "10.0.0.2"], "192.0.2.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            ("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1"),
            // What is no address hides whatever is to its left.
            ("10.0.0.1", &["192.0.2.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["192.0.2.1, "], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1", "_hidden"], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.01"], "10.0.0.1"),
            // Whoever is not trusted may say what he likes.
            ("192.0.2.7", &["198.51.100.9"], "192.0.2.7"),
            ("192.0.2.7", &["10.0.0.2"], "192.0.2.7"),
        ] {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            });
            assert_eq!(trusted.client(peer(from), &headers), peer(client), "{from} {lines:?}");
            for silent in [Peer::Unix, peer(from).on_behalf()] {
                assert_eq!(trusted.client(silent, &headers), silent, "{lines:?}");
            }
        }
    }

    #[test]
    fn it_is_told_as_a_bare_address() {
        assert_eq!(
            [peer("::ffff:192.0.2.1"), peer("2001:db8::1"), Peer::Unix].map(|peer| peer.to_string()),
            ["192.0.2.1", "2001:db8::1", "unix"]
        );
    }
}
