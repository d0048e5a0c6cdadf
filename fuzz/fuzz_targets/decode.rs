//! A packet of any link type: what is asked of it alone is what the engine finds.

#![no_main]

use fuzzing::Trickle;
use libfuzzer_sys::fuzz_target;
use pcap_flows::capture::LinkType;
use pcap_flows::decode::{DecodeOptions, Packet, TrailerOptions, Unpacked, server_name};
use pcap_flows::engine::{Config, Progress, Source, Tuning, run};
use pcap_flows::flow::FlowKey;

/// A capture of one packet.
fn capture(link_type: u16, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0]);
    for field in [0, 0, 262_144, link_type.into(), 1_700_000_000, 0, len, len] {
        file.extend(u32::to_le_bytes(field));
    }
    file.extend_from_slice(data);
    file
}

fuzz_target!(|input: (u16, u8, &[u8])| {
    let (link_type, flags, data) = input;
    let options = DecodeOptions {
        decap: flags & 1 != 0,
        trailer: (flags & 2 != 0).then_some(TrailerOptions {
            offset: usize::from(flags >> 4),
        }),
        ..DecodeOptions::default()
    };
    let packet = Packet::new(LinkType(link_type), data);
    let decoded = packet.decode(&options);
    let outermost = packet.decode(&DecodeOptions::default());
    // Asked in any order, it says the same.
    let key = FlowKey::of(&packet);
    assert_eq!(packet.ports().is_some(), packet.ports().is_some());
    if let Ok((headers, link)) = &outermost {
        assert_eq!(
            key,
            Ok(FlowKey {
                link: *link,
                ..headers.network_key().into()
            })
        );
        assert_eq!(packet.protocol(), Ok(headers.protocol));
        let network = headers.network_key();
        assert_eq!(packet.ip_addresses(), Ok((network.src, network.dst)));
    } else {
        assert!(key.is_err());
    }
    if let Some(payload) = packet.payload() {
        assert!(payload.len() <= data.len());
        assert!(server_name(payload).is_none_or(|it| it.len() < 256));
    }
    let flags_of_tcp = packet.tcp_flags();
    assert!(flags_of_tcp.is_none_or(|it| it < 0x1000));

    let config = Config {
        decode: options,
        tuning: Tuning {
            threads: 1,
            shards: 1,
            ..Tuning::default()
        },
        ..Config::default()
    };
    let file = capture(link_type, data);
    let source = Source::Reader(
        "packet".to_owned(),
        Box::new(Trickle::new(&file, file.len())),
    );
    let outcome = run(&config, vec![source], &mut (), &Progress::default()).unwrap();
    assert!(outcome.balance.is_even());
    assert_eq!(outcome.balance.packets, 1);
    assert_eq!(outcome.balance.in_flows, u64::from(decoded.is_ok()));
    let flow = outcome.flows.get(1);
    match decoded {
        Ok((headers, link)) => {
            let unpacked = Unpacked::of(data, &headers, link, &config.decode);
            let (headers, link) = match unpacked.as_ref().map(Unpacked::headers) {
                Some(Ok(inner)) => inner,
                _ => (headers, link),
            };
            let key = FlowKey {
                link,
                network: headers.network_key(),
                networks: headers.tunnels.networks(),
            };
            assert_eq!(flow.map(|it| it.key), Some(key));
        }
        Err(reason) => {
            assert!(flow.is_none());
            assert_eq!(outcome.balance.not_flow(reason).packets, 1, "{reason:?}");
        }
    }
});
