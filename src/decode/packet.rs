//! A packet whose headers are read when they are needed.

use super::frame::{Frame, Layer};
use super::headers::{Fragment, Headers, TCP_HEADER_LEN, UDP_HEADER_LEN};
use super::transport::{IpFields, Layout, TcpHeader};
use super::{
    DecodeOptions, LinkKey, MacAddr, NetworkKey, NotFlow, VlanStack, decode, exported, ip, protocol,
};
use crate::capture::{ByteOrder, LinkType, Record, erf_packet};
use std::cell::OnceCell;
use std::net::IpAddr;

/// A packet's bytes, and those of its headers that were needed so far.
///
/// Nothing is read when it is made. Each method reads up to its own answer: addresses cost the link
/// layer's headers and 8 or 32 bytes more, and say nothing of what follows, which may be damaged or
/// truncated. What was read is kept for the next method.
///
/// All methods are about the outermost IP header, except [`Packet::decode`], which enters tunnels.
///
/// ```
/// use pcap_flows::capture::Capture;
/// use pcap_flows::decode::Packet;
///
/// let mut capture = Capture::open("testdata/recorded/http.pcap")?;
/// let mut to_server = 0;
/// while let Some(record) = capture.next_record()? {
///     let packet = Packet::of(&record);
///     if let Some((_, 80)) = packet.ports() {
///         to_server += packet.payload().map_or(0, <[u8]>::len);
///     }
/// }
/// assert!(to_server > 0);
/// # Ok::<(), pcap_flows::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    link_type: Option<LinkType>,
    data: &'a [u8],
    link: OnceCell<Link>,
    network: OnceCell<Result<Headers<'a>, NotFlow>>,
}

/// The link layer's half of a flow key, and where IP starts.
#[derive(Clone, Copy, Debug)]
struct Link {
    key: LinkKey,
    ip: Result<usize, NotFlow>,
}

impl<'a> Packet<'a> {
    /// A packet whose captured bytes start as `link_type` says. Of a record of Endace's format, it is
    /// the packet that this carries.
    pub fn new(link_type: LinkType, data: &'a [u8]) -> Self {
        let (link_type, data) = erf_packet(link_type, data);
        Self::with(Some(link_type), data)
    }

    /// A record's packet.
    pub const fn of(record: &Record<'a>) -> Self {
        Self::with(record.link_type, record.data)
    }

    const fn with(link_type: Option<LinkType>, data: &'a [u8]) -> Self {
        Self {
            link_type,
            data,
            link: OnceCell::new(),
            network: OnceCell::new(),
        }
    }

    /// The captured bytes.
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Source and destination MAC address, where the link layer has them (see
    /// [`LinkKey::macs`]). The link layer's headers are read as one.
    pub fn macs(&self) -> Option<(MacAddr, MacAddr)> {
        self.link_key().macs()
    }

    /// The VLAN tags.
    pub fn vlans(&self) -> VlanStack {
        self.link_key().vlans()
    }

    /// The link layer's half of a flow key; also of packets that hold no IP.
    pub fn link_key(&self) -> LinkKey {
        self.link().key
    }

    /// Source and destination of the IP header.
    ///
    /// # Errors
    /// Why there is no IP header with addresses.
    pub fn ip_addresses(&self) -> Result<(IpAddr, IpAddr), NotFlow> {
        let addresses = match self.network.get() {
            Some(Ok(headers)) => headers.addresses,
            _ => match self.link().ip {
                Ok(at) => ip::addresses(self.data, at)?,
                Err(_) => self.network()?.addresses,
            },
        };
        Ok(addresses.to_ip())
    }

    /// IP protocol number; for IPv6 the one after the extension headers.
    ///
    /// # Errors
    /// Why the packet belongs to no flow.
    pub fn protocol(&self) -> Result<u8, NotFlow> {
        Ok(self.network()?.protocol)
    }

    /// Which part of a fragmented datagram the packet is; `None` for a whole one.
    pub fn fragment(&self) -> Option<&Fragment> {
        self.network().ok()?.fragment.as_deref()
    }

    /// Source and destination port. `None` where the protocol has none, where they were not
    /// captured, and for later fragments, which do not have them.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let headers = self.headers().ok()?;
        let transport = self.transport_of(&headers)?;
        let ports = (headers.src_port, headers.dst_port);
        // Those of exported PDUs are not in a header.
        let is_there = transport.len() >= PORTS_LEN || ports != (0, 0);
        (ip::has_ports(headers.protocol) && is_there).then_some(ports)
    }

    /// The twelve bits of TCP flags; `None` where there is no TCP header, or not enough of it.
    pub fn tcp_flags(&self) -> Option<u16> {
        let headers = self.network().ok()?;
        if headers.protocol != protocol::TCP {
            return None;
        }
        Some(ByteOrder::Big.u16(self.transport_of(headers)?, 12)? & 0x0fff)
    }

    /// Time to live, or hop limit.
    pub fn ttl(&self) -> Option<u8> {
        self.ip_fields()?.ttl()
    }

    /// Type of service, or traffic class: DSCP and ECN.
    pub fn tos(&self) -> Option<u8> {
        self.ip_fields()?.tos()
    }

    /// The identification of an IPv4 header.
    pub fn ip_id(&self) -> Option<u16> {
        self.ip_fields()?.id()
    }

    fn ip_fields(&self) -> Option<IpFields<'a>> {
        let headers = self.network().ok()?;
        IpFields::new(self.data.get(headers.network..)?)
    }

    /// The TCP header; `None` if there is none, or its fixed part was not captured.
    pub fn tcp(&self) -> Option<TcpHeader<'a>> {
        let headers = self.network().ok()?;
        let is_tcp = headers.protocol == protocol::TCP;
        TcpHeader::parse(self.transport().filter(|_| is_tcp)?)
    }

    /// The captured bytes from the transport header to the end of the datagram; `None` for later
    /// fragments, which have no such header.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.transport_of(self.network().ok()?)
    }

    /// Where the layers are.
    ///
    /// # Errors
    /// Why the packet belongs to no flow.
    pub fn layout(&self) -> Result<Layout, NotFlow> {
        self.network().map(Layout::of)
    }

    /// The captured bytes after the TCP or UDP header, without padding after the datagram. For other
    /// protocols, the bytes after the IP header; for later fragments, their part of the datagram.
    /// `None` where a header is truncated or contradicts itself.
    pub fn payload(&self) -> Option<&'a [u8]> {
        let headers = self.network().ok()?;
        let carried = self.data.get(headers.transport..headers.end)?;
        if self.transport_of(headers).is_none() {
            return Some(carried);
        }
        match headers.protocol {
            protocol::TCP => {
                let len = usize::from(carried.get(12)? >> 4) * 4;
                carried.get(len..).filter(|_| len >= TCP_HEADER_LEN)
            }
            protocol::UDP => {
                let payload = carried.get(UDP_HEADER_LEN..)?;
                let len = usize::from(ByteOrder::Big.u16(carried, 4)?);
                // A length that cannot be is that of a jumbogram (RFC 2675), or open.
                let len = len.checked_sub(UDP_HEADER_LEN).unwrap_or(payload.len());
                Some(payload.get(..len).unwrap_or(payload))
            }
            _ => Some(carried),
        }
    }

    /// The network and transport layers' half of a flow key. A later fragment has ports 0: here
    /// nothing is known of the packets before.
    ///
    /// # Errors
    /// Why the packet belongs to no flow.
    pub fn network_key(&self) -> Result<NetworkKey, NotFlow> {
        Ok(self.headers()?.network_key())
    }

    /// All that can be decoded, at once: through tunnels and from trailers, if requested. The
    /// link layer's half of the flow key is that of the headers returned. Compressed payload is
    /// opened by [`Unpacked`](super::Unpacked).
    ///
    /// # Errors
    /// Why the packet belongs to no flow.
    pub fn decode(&self, options: &DecodeOptions) -> Result<(Headers<'a>, LinkKey), NotFlow> {
        let mut link = LinkKey::default();
        let link_type = self.link_type.ok_or(NotFlow::NoInterface)?;
        let headers = decode(link_type, self.data, options, &mut link)?;
        Ok((headers, link))
    }

    fn link(&self) -> &Link {
        self.link.get_or_init(|| {
            let mut key = LinkKey::default();
            let ip = match self.link_type {
                Some(link_type) => Frame::new(self.data, &mut key).find_ip(Layer::Link(link_type)),
                None => Err(NotFlow::NoInterface),
            };
            Link { key, ip }
        })
    }

    /// The IP header and its extensions; without ports.
    fn network(&self) -> Result<&Headers<'a>, NotFlow> {
        let network = self.network.get_or_init(|| {
            let link = self.link();
            match (link.ip, self.link_type) {
                (Ok(at), _) => ip::network(self.data, at, link.key.vlans()),
                (Err(reason), Some(link_type)) => exported::headers(link_type, self.data, reason),
                (Err(reason), None) => Err(reason),
            }
        });
        network.as_ref().map_err(|&reason| reason)
    }

    /// The same with ports.
    fn headers(&self) -> Result<Headers<'a>, NotFlow> {
        let mut headers = self.network()?.clone();
        if self.transport_of(&headers).is_some() {
            ip::ports(self.data, &mut headers);
        }
        Ok(headers)
    }

    /// The transport header and what follows; `None` for later fragments.
    fn transport_of(&self, headers: &Headers<'a>) -> Option<&'a [u8]> {
        let transport = self.data.get(headers.transport..headers.end);
        transport.filter(|_| headers.has_transport())
    }
}

const PORTS_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Capture;
    use std::path::{Path, PathBuf};

    fn captures(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(captures(&path));
            } else {
                found.push(path);
            }
        }
        found
    }

    /// Calls for every packet below `testdata/` that decoding is tested with.
    fn each(mut test: impl FnMut(LinkType, &[u8])) {
        let mut packets = 0;
        for path in captures(Path::new("testdata")) {
            let Ok(mut capture) = Capture::open(&path) else {
                continue;
            };
            while let Some(record) = capture.next_record().unwrap() {
                let Some(link_type) = record.link_type else {
                    assert_eq!(Packet::of(&record).protocol(), Err(NotFlow::NoInterface));
                    continue;
                };
                // The beginning is what matters.
                test(link_type, record.data.get(..2000).unwrap_or(record.data));
                packets += 1;
            }
        }
        assert!(packets > 3000, "{packets}");
    }

    /// Reading piece by piece gives what reading at once gives, in any order.
    #[test]
    fn says_what_decode_says() {
        each(|link_type, data| {
            let mut link = LinkKey::default();
            let headers = decode(link_type, data, &DecodeOptions::default(), &mut link);
            let packet = Packet::new(link_type, data);
            let key = headers.as_ref().map(Headers::network_key).map_err(|&it| it);
            if let Ok(headers) = &headers {
                assert_eq!(packet.ip_addresses(), Ok(headers.addresses.to_ip()));
                assert_eq!(packet.tcp_flags().unwrap_or(0), headers.tcp_flags);
                assert_eq!(packet.fragment(), headers.fragment.as_deref());
                let ports = (headers.src_port, headers.dst_port);
                assert_eq!(packet.ports().unwrap_or((0, 0)), ports);
            }
            assert_eq!(packet.network_key(), key);
            assert_eq!(packet.link_key(), link);
            assert_eq!(packet.protocol().ok(), key.ok().map(|it| it.protocol));
            let options = DecodeOptions::default();
            assert_eq!(packet.decode(&options), headers.map(|it| (it, link)));
        });
    }

    /// Addresses need nothing that follows, and not even the lengths of an IPv4 header.
    #[test]
    fn what_is_not_asked_for_is_not_read() {
        let mut data = [0_u8; 34];
        data[12..14].copy_from_slice(&[0x08, 0x00]);
        // A header length of 0, and a total length of 1.
        data[14] = 0x40;
        data[17] = 1;
        data[26..34].copy_from_slice(&[192, 0, 2, 1, 192, 0, 2, 2]);
        let packet = Packet::new(LinkType::ETHERNET, &data);
        let addresses = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!(packet.ip_addresses(), Ok(addresses));
        assert_eq!(packet.protocol(), Err(NotFlow::Ipv4HeaderLength));
        assert_eq!(packet.ip_addresses(), Ok(addresses));
        assert_eq!(packet.ports(), None);
        assert_eq!(packet.payload(), None);
    }

    /// The length in the record's header counts, as it does for captures of such records.
    #[test]
    fn a_record_of_another_format_is_opened() {
        let mut record = [0_u8; 18 + 34];
        record[8] = 2;
        record[30..32].copy_from_slice(&[0x08, 0x00]);
        record[32] = 0x45;
        record[35] = 20;
        record[11] = 52;
        for (wire_len, expected) in [
            (34, Ok(0)),
            (33, Err(NotFlow::ShortIp)),
            (0, Err(NotFlow::ShortFrame)),
        ] {
            record[15] = wire_len;
            let packet = Packet::new(LinkType::ERF, &record);
            assert_eq!(packet.data().len(), usize::from(wire_len));
            assert_eq!(packet.protocol(), expected, "{wire_len}");
        }
    }

    #[test]
    fn fields_that_are_in_no_key() {
        let mut data = [0_u8; 20 + 24 + 3];
        data[..12].copy_from_slice(&[0x45, 0xb8, 0, 47, 0x12, 0x34, 0, 0, 64, 6, 0, 0]);
        data[20..40].copy_from_slice(&[
            0, 80, 0x9c, 0x40, 1, 2, 3, 4, 5, 6, 7, 8, 0x60, 0x12, 0x20, 0, 0, 0, 0, 0,
        ]);
        data[40..44].copy_from_slice(&[2, 4, 5, 180]);
        let packet = Packet::new(LinkType::RAW, &data);
        let fields = (packet.ttl(), packet.tos(), packet.ip_id());
        assert_eq!(fields, (Some(64), Some(0xb8), Some(0x1234)));
        let tcp = packet.tcp().unwrap();
        assert_eq!((tcp.src_port, tcp.dst_port), (80, 40_000));
        assert_eq!((tcp.seq, tcp.ack), (0x0102_0304, 0x0506_0708));
        assert_eq!((tcp.flags, tcp.window), (0x012, 0x2000));
        assert_eq!(tcp.options, [2, 4, 5, 180]);
        assert_eq!(packet.payload().unwrap().len(), 3);
        let layout = packet.layout().unwrap();
        assert_eq!((layout.network, layout.transport, layout.end), (0, 20, 47));
        let mut data = [0_u8; 48];
        data[..8].copy_from_slice(&[0x6b, 0x80, 0, 0, 0, 8, 17, 9]);
        let packet = Packet::new(LinkType::RAW, &data);
        let fields = (packet.ttl(), packet.tos(), packet.ip_id());
        assert_eq!(fields, (Some(9), Some(0xb8), None));
        assert_eq!(packet.tcp(), None);
        assert_eq!(packet.transport().unwrap().len(), 8);
    }

    /// Each answer is before the truncation, or is none.
    #[test]
    fn a_packet_that_is_cut_short() {
        let mut data = [0_u8; 14 + 20 + 20 + 5];
        data[12..14].copy_from_slice(&[0x08, 0x00]);
        data[14] = 0x45;
        data[17] = 45;
        data[23] = protocol::TCP;
        data[35] = 7;
        data[46] = 0x50;
        data[47] = 0x18;
        for len in 0..=data.len() {
            let packet = Packet::new(LinkType::ETHERNET, &data[..len]);
            assert_eq!(packet.macs().is_some(), len >= 14, "{len}");
            assert_eq!(packet.ip_addresses().is_ok(), len >= 34, "{len}");
            assert_eq!(packet.protocol().ok(), (len >= 34).then_some(6), "{len}");
            assert_eq!(packet.ports(), (len >= 38).then_some((7, 0)), "{len}");
            assert_eq!(packet.tcp_flags(), (len >= 48).then_some(0x18), "{len}");
            let payload = data[..len].get(54..);
            assert_eq!(packet.payload(), payload, "{len}");
        }
    }

    #[test]
    fn payloads_end_with_their_datagram() {
        let udp = |udp_len: u8| {
            let mut data = vec![0_u8; 20 + 8 + 4 + 10];
            data[0] = 0x45;
            data[3] = 32;
            data[9] = protocol::UDP;
            data[25] = udp_len;
            data
        };
        for (udp_len, payload) in [(12, 4), (10, 2), (8, 0), (0, 4), (7, 4), (200, 4)] {
            let data = udp(udp_len);
            let packet = Packet::new(LinkType::RAW, &data);
            assert_eq!(
                packet.payload().map(<[u8]>::len),
                Some(payload),
                "{udp_len}"
            );
        }
    }

    #[test]
    fn no_packet_makes_it_panic() {
        each(|link_type, data| {
            for len in 0..data.len().min(90) {
                let packet = Packet::new(link_type, &data[..len]);
                let later = (packet.payload(), packet.ports(), packet.tcp_flags());
                assert!(later.0.is_none() || packet.protocol().is_ok());
            }
        });
    }
}
