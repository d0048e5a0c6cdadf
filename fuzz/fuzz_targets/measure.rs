//! Segments of a connection in any order: measuring them ends, and its sums agree with each other.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pcap_flows::tcp::Segment;
use pcap_flows::tcp::measure::{Connection, Seen, Side};

#[derive(Arbitrary, Debug)]
struct Told {
    is_second: bool,
    /// Behind the initial number, or any.
    sequence: Result<u16, u32>,
    acknowledgment: Result<u16, u32>,
    flags: u16,
    window: u16,
    payload: Result<u16, u32>,
    /// After the one before, in ns.
    pause: i64,
    options: Vec<u8>,
    ip_id: u8,
}

#[derive(Arbitrary, Debug)]
struct Trace {
    server: Option<bool>,
    keeps_duplicates: bool,
    segments: Vec<Told>,
}

fuzz_target!(|trace: Trace| {
    let side = |is_second| if is_second { Side::Second } else { Side::First };
    let mut connection = Connection::new(trace.server.map(side), trace.keeps_duplicates);
    let mut time = 0_i64;
    let (mut packets, mut new) = (0, 0);
    for told in &trace.segments {
        let number = |it: &Result<u16, u32>| it.map_or_else(|any| any, u32::from);
        let segment = Segment {
            sequence: number(&told.sequence),
            acknowledgment: number(&told.acknowledgment),
            flags: told.flags & 0x0fff,
            window: told.window,
            ..Segment::default()
        };
        time = time.saturating_add(told.pause);
        packets += 1;
        let payload = number(&told.payload);
        let measured = connection.segment(
            side(told.is_second),
            &Seen {
                segment: &segment,
                options: &told.options,
                payload,
                wire_len: payload,
                time,
                packet: packets,
                ip_id: told.ip_id.into(),
            },
        );
        assert!(measured.new_bytes <= payload.into());
        new += measured.new_bytes;
    }
    let report = connection.report();
    let [client, server] = &report.sides;
    assert_eq!(client.counts.packets + server.counts.packets, packets);
    assert_eq!(client.counts.unique_bytes + server.counts.unique_bytes, new);
    for side in [client, server] {
        let (counts, anomalies) = (&side.counts, &side.anomalies);
        assert!(counts.unique_bytes <= counts.payload_bytes);
        assert!(side.gap_acked_bytes <= side.gap_bytes);
        let kinds = anomalies.fast_retransmissions + anomalies.spurious_retransmissions;
        assert!(kinds <= anomalies.retransmissions);
        let late = anomalies.lost_upstream + anomalies.lost_downstream;
        assert_eq!(late, anomalies.retransmissions);
        let rtt = side.rtt.unwrap_or_default();
        assert!(rtt.min <= rtt.p50 && rtt.p50 <= rtt.p95 && rtt.p95 <= rtt.max);
    }
});
