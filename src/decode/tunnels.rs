//! The tunnels that a packet came through: their kinds and ids, as keys and lists have them.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! tunnel_kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $is_network:literal;)*) => {
        /// What a packet was carried in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum TunnelKind {
            $($(#[doc = $doc])* $variant,)*
        }

        impl TunnelKind {
            /// All kinds, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in flow lists.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether an id of this kind names a network, the same in both directions. Others
            /// name one end, or one direction.
            pub const fn names_network(self) -> bool {
                match self { $(Self::$variant => $is_network,)* }
            }
        }
    };
}

tunnel_kinds! {
    /// VXLAN (RFC 7348): network identifier.
    Vxlan = "vxlan", true;
    /// VXLAN with a protocol field (draft-ietf-nvo3-vxlan-gpe): network identifier.
    VxlanGpe = "vxlan-gpe", true;
    /// Geneve (RFC 8926): network identifier.
    Geneve = "geneve", true;
    /// NVGRE (RFC 7637): virtual subnet.
    Nvgre = "nvgre", true;
    /// GRE (RFC 2784, RFC 2890): key.
    Gre = "gre", true;
    /// LISP (RFC 9300): instance.
    Lisp = "lisp", true;
    /// MikroTik's Ethernet over IP: tunnel.
    Eoip = "eoip", true;
    /// GRE of Cisco's web cache protocol (WCCP): key, if there is one.
    Wccp = "wccp", true;
    /// GRE of Aruba's access points: key, if there is one.
    Aruba = "aruba", true;
    /// Provider backbone bridges (IEEE 802.1Q, section 9.7): service instance.
    Pbb = "pbb", true;
    /// GRE of mirror ports (draft-foschiano-erspan-03): session.
    Erspan = "erspan", false;
    /// GRE of PPTP (RFC 2637): call.
    Pptp = "pptp", false;
    /// MPLS (RFC 3032): labels.
    Mpls = "mpls", false;
    /// GTP-U (3GPP TS 29.281), and the older GTP (GSM 09.60): tunnel endpoint.
    Gtp = "gtp", false;
    /// L2TP (RFC 2661): tunnel and session.
    L2tp = "l2tp", false;
    /// IPv6 in UDP (RFC 4380).
    Teredo = "teredo", false;
    /// Access points and their controllers (RFC 5415).
    Capwap = "capwap", false;
    /// Anything in anything (draft-massar-v6ops-ayiya-02).
    Ayiya = "ayiya", false;
    /// TaZmen Sniffer Protocol.
    Tzsp = "tzsp", false;
    /// 802.11 that access points see and send to OmniPeek or Wireshark.
    Peekremote = "peekremote", false;
    /// Generic UDP encapsulation (draft-ietf-intarea-gue).
    Gue = "gue", false;
    /// Automatic multicast tunneling (RFC 7450).
    Amt = "amt", false;
    /// Mirrored packets of Juniper's routers: session.
    Jmirror = "jmirror", false;
    /// Mobile IP through UDP (RFC 3519).
    MobileIp = "mip", false;
    /// IP in UDP, with nothing between them (Linux' foo over UDP).
    IpInUdp = "ip", false;
    /// IPv4 in IPv4 (RFC 2003).
    Ipip = "ipip", false;
    /// IPv6 in IPv4 (RFC 4213).
    Ip6In4 = "6in4", false;
    /// IPv4 in IPv6 (RFC 2473).
    Ip4In6 = "4in6", false;
    /// IPv6 in IPv6 (RFC 2473).
    Ip6In6 = "6in6", false;
    /// Ethernet in IP with a header (RFC 3378).
    EtherIp = "etherip", false;
    /// Ethernet in IPv6 without one: next header 143 (RFC 8986).
    Ethernet = "ethernet", false;
    /// The authentication header in tunnel mode (RFC 4302): security parameters index.
    Ah = "ah", false;
    /// Multicast on its way to a rendezvous point: register messages of PIM (RFC 7761).
    Pim = "pim", false;
    /// Compressed payload (RFC 3173): compression parameter index.
    IpComp = "ipcomp", false;
}

/// A tunnel, or a further id of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// What it is.
    pub kind: TunnelKind,
    /// The id that it has in the packet.
    pub id: Option<u32>,
    /// Whether this is a further id of the tunnel before: the labels of a stack, a session.
    pub continues: bool,
}

impl Tunnel {
    /// A tunnel without an id.
    pub const fn of(kind: TunnelKind) -> Self {
        Self {
            kind,
            id: None,
            continues: false,
        }
    }

    /// A tunnel with this id.
    pub const fn with(kind: TunnelKind, id: u32) -> Self {
        Self {
            kind,
            id: Some(id),
            continues: false,
        }
    }

    /// A further id of the tunnel before, which is of the same kind.
    pub const fn further(kind: TunnelKind, id: u32) -> Self {
        Self {
            kind,
            id: Some(id),
            continues: true,
        }
    }

    /// Whether the id names a network.
    pub const fn is_network(&self) -> bool {
        self.kind.names_network() && self.id.is_some()
    }

    const CONTINUES: u128 = 0x80;
    const HAS_ID: u128 = 0x40;
    const KIND: u128 = 0x3f;

    /// In [`Tunnels::BITS`] bits, never 0.
    fn packed(self) -> u128 {
        let continues = if self.continues { Self::CONTINUES } else { 0 };
        let id = self.id.map_or(0, |id| u128::from(id) << 8 | Self::HAS_ID);
        id | continues | (self.kind as u128 + 1)
    }

    /// Of what was packed; `None` for nothing.
    fn unpacked(bits: u128) -> Option<Self> {
        let [low, a, b, c, d, ..] = bits.to_le_bytes();
        let low = u128::from(low);
        let number = usize::try_from(low & Self::KIND).ok()?.checked_sub(1)?;
        Some(Self {
            kind: *TunnelKind::ALL.get(number)?,
            id: (low & Self::HAS_ID != 0).then(|| u32::from_le_bytes([a, b, c, d])),
            continues: low & Self::CONTINUES != 0,
        })
    }
}

/// The tunnels that a packet came through, outermost first.
///
/// Packed into two words: where tunnels are entered, every packet has them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "(String, String)", try_from = "(String, String)")]
pub struct Tunnels {
    low: u64,
    high: u64,
}

impl Tunnels {
    /// No tunnel.
    pub const NONE: Self = Self { low: 0, high: 0 };
    /// Tunnels and further ids that are kept. Of more, those that name a network are kept rather
    /// than others, and the outer ones rather than the inner ones.
    pub const MAX: usize = 3;
    const BITS: usize = 40;

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.low | self.high == 0
    }

    /// Adds a tunnel inside those that are there.
    pub fn push(&mut self, tunnel: Tunnel) {
        let mut kept = self.iter().count();
        if kept == Self::MAX {
            if !tunnel.is_network() || !self.drop_one() {
                return;
            }
            kept -= 1;
        }
        self.set(self.bits() | tunnel.packed() << (kept * Self::BITS));
    }

    /// Makes room: drops the innermost that names no network. Returns whether there was one.
    fn drop_one(&mut self) -> bool {
        let all = *self;
        let places = all.iter().zip(0..).filter(|(it, _)| !it.is_network());
        let Some((_, last)) = places.last() else {
            return false;
        };
        *self = all
            .iter()
            .zip(0..)
            .filter(|&(_, place)| place != last)
            .map(|(tunnel, _)| tunnel)
            .collect();
        true
    }

    /// The tunnels, and further ids of tunnels, outermost first.
    pub fn iter(self) -> impl Iterator<Item = Tunnel> {
        let bits = self.bits();
        (0..Self::MAX).map_while(move |place| Tunnel::unpacked(bits >> (place * Self::BITS)))
    }

    /// Those that name a network: what tells two conversations with the same addresses apart.
    #[must_use]
    pub fn networks(self) -> Self {
        if self.is_empty() {
            return self;
        }
        self.iter().filter(Tunnel::is_network).collect()
    }

    /// The kinds as flow lists show them: `vxlan`, or `gre/vxlan` from the outermost on.
    pub fn names(&self) -> impl fmt::Display {
        Names(*self)
    }

    /// The ids as flow lists show them: one for each name, several ids of a tunnel with points
    /// between, `-` for a tunnel without one among others. Nothing where there is no id at all.
    pub fn ids(&self) -> impl fmt::Display {
        Ids(*self)
    }

    /// The tunnels that are shown so; `None` where there are none that are.
    pub fn from_text(names: &str, ids: &str) -> Option<Self> {
        let mut tunnels = Self::NONE;
        if names.is_empty() {
            return ids.is_empty().then_some(tunnels);
        }
        let mut groups = ids.split('/');
        for name in names.split('/') {
            let mut all = TunnelKind::ALL.iter();
            let kind = *all.find(|kind| kind.name() == name)?;
            match (ids, groups.next()) {
                ("", _) | (_, Some("-")) => tunnels.push(Tunnel::of(kind)),
                (_, Some(group)) => {
                    let mut ids = group.split('.').map(|id| id.parse().ok());
                    tunnels.push(Tunnel::with(kind, ids.next()??));
                    for id in ids {
                        tunnels.push(Tunnel::further(kind, id?));
                    }
                }
                (_, None) => return None,
            }
        }
        let is_same = tunnels.names().to_string() == names && tunnels.ids().to_string() == ids;
        is_same.then_some(tunnels)
    }

    /// A number that differs for most of them.
    pub(crate) fn slot(self) -> usize {
        let mixed = (self.low ^ self.high).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed.to_be_bytes()[0].into()
    }

    fn bits(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    fn set(&mut self, bits: u128) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bits.to_le_bytes();
        self.low = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        self.high = u64::from_le_bytes([i, j, k, l, m, n, o, p]);
    }
}

impl FromIterator<Tunnel> for Tunnels {
    fn from_iter<I: IntoIterator<Item = Tunnel>>(all: I) -> Self {
        let mut tunnels = Self::NONE;
        all.into_iter().for_each(|tunnel| tunnels.push(tunnel));
        tunnels
    }
}

impl From<Tunnels> for (String, String) {
    fn from(tunnels: Tunnels) -> Self {
        (tunnels.names().to_string(), tunnels.ids().to_string())
    }
}

impl TryFrom<(String, String)> for Tunnels {
    type Error = String;

    fn try_from((names, ids): (String, String)) -> Result<Self, String> {
        Self::from_text(&names, &ids).ok_or_else(|| format!("{names:?} {ids:?} are no tunnels"))
    }
}

/// `vxlan 100`
impl fmt::Debug for Tunnels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.names(), self.ids())
    }
}

struct Names(Tunnels);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for tunnel in self.0.iter().filter(|it| !it.continues) {
            write!(f, "{separator}{}", tunnel.kind.name())?;
            separator = "/";
        }
        Ok(())
    }
}

struct Ids(Tunnels);

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|it| it.id.is_none()) {
            return Ok(());
        }
        for (tunnel, place) in self.0.iter().zip(0..) {
            f.write_str(match (place, tunnel.continues) {
                (0, _) => "",
                (_, true) => ".",
                (_, false) => "/",
            })?;
            match tunnel.id {
                Some(id) => write!(f, "{id}")?,
                None => f.write_str("-")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::TunnelKind::{Geneve, Gre, Gtp, Ipip, L2tp, Mpls, Vxlan};
    use super::*;

    fn shown(all: &[Tunnel]) -> (String, String) {
        all.iter().copied().collect::<Tunnels>().into()
    }

    #[test]
    fn kinds_fit_and_have_names_of_their_own() {
        assert!((TunnelKind::ALL.len() as u128) < Tunnel::KIND);
        let mut names: Vec<&str> = TunnelKind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TunnelKind::ALL.len());
        for (kind, number) in TunnelKind::ALL.iter().zip(0..) {
            assert_eq!(*kind as usize, number);
            for id in [None, Some(0), Some(u32::MAX)] {
                for continues in [false, true] {
                    let tunnel = Tunnel {
                        kind: *kind,
                        id,
                        continues,
                    };
                    assert_eq!(Tunnel::unpacked(tunnel.packed()), Some(tunnel));
                }
            }
        }
    }

    #[test]
    fn what_lists_show_is_read_again() {
        let labels = [Tunnel::with(Mpls, 16), Tunnel::further(Mpls, 17)];
        for (all, names, ids) in [
            (&[][..], "", ""),
            (&[Tunnel::with(Vxlan, 100)], "vxlan", "100"),
            (&[Tunnel::of(Ipip)], "ipip", ""),
            (&labels, "mpls", "16.17"),
            (&[Tunnel::with(Mpls, 16); 2], "mpls/mpls", "16/16"),
            (
                &[labels[0], labels[1], Tunnel::with(Gre, 0)],
                "mpls/gre",
                "16.17/0",
            ),
            (
                &[Tunnel::with(Vxlan, 5), Tunnel::of(Ipip)],
                "vxlan/ipip",
                "5/-",
            ),
            (
                &[Tunnel::of(Gre), Tunnel::with(Gtp, u32::MAX)],
                "gre/gtp",
                "-/4294967295",
            ),
        ] {
            let tunnels: Tunnels = all.iter().copied().collect();
            assert_eq!(shown(all), (names.to_owned(), ids.to_owned()));
            assert_eq!(tunnels.iter().collect::<Vec<_>>(), all);
            assert_eq!(Tunnels::from_text(names, ids), Some(tunnels));
        }
        for (names, ids) in [
            ("", "1"),
            ("tunnel", ""),
            ("vxlan", "x"),
            ("vxlan", "+1"),
            ("vxlan", "1/2"),
            ("vxlan/gre", "1"),
            ("vxlan/gre", "-/-"),
            ("vxlan", "1."),
            ("vxlan", "4294967296"),
            ("vxlan/vxlan/gre/gre", "1/2/3/4"),
        ] {
            assert_eq!(Tunnels::from_text(names, ids), None, "{names} {ids}");
        }
    }

    #[test]
    fn networks_are_kept_rather_than_others() {
        let label = |id| Tunnel::further(Mpls, id);
        let mut tunnels: Tunnels = [Tunnel::with(Mpls, 1), label(2), label(3), label(4)]
            .into_iter()
            .collect();
        assert_eq!(tunnels.ids().to_string(), "1.2.3");
        tunnels.push(Tunnel::with(Vxlan, 100));
        tunnels.push(Tunnel::with(Gtp, 9));
        assert_eq!(tunnels.ids().to_string(), "1.2/100");
        tunnels.push(Tunnel::with(Geneve, 200));
        tunnels.push(Tunnel::with(Gre, 300));
        assert_eq!(tunnels.names().to_string(), "vxlan/geneve/gre");
        tunnels.push(Tunnel::with(Gre, 400));
        assert_eq!(tunnels.ids().to_string(), "100/200/300");
        assert_eq!(tunnels.networks(), tunnels);
    }

    #[test]
    fn networks_are_what_both_directions_share() {
        let tunnels: Tunnels = [
            Tunnel::with(L2tp, 1),
            Tunnel::with(Vxlan, 2),
            Tunnel::of(Gre),
        ]
        .into_iter()
        .collect();
        assert_eq!(tunnels.networks().names().to_string(), "vxlan");
        let none: Tunnels = [Tunnel::with(Gtp, 7)].into_iter().collect();
        assert!(none.networks().is_empty() && !none.is_empty());
    }
}
