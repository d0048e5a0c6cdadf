//! Ports of tunnels that the user names.

use super::{is_entered, is_left, list, told};
use crate::common::indexed::make;
use crate::common::program::run;
use testkit::pcap::Pcap;
use testkit::transport::Udp;
use testkit::tunnel::{
    BRIDGED, geneve, gtp, inner_frame, inner_packet, lisp, mpls, outer, over_udp, tzsp, vxlan,
};

#[test]
fn any_tunnel_on_any_port() {
    let (packet, frame) = (inner_packet(), inner_frame());
    let behind = |head: &[u8], payload: &[u8]| [head, payload].concat();
    for (name, payload, tunnel) in [
        ("vxlan", vxlan(7, &frame), "vxlan 7"),
        (
            "vxlan-gpe",
            behind(&[0x0c, 0, 0, 1, 0, 0, 7, 0], &packet),
            "vxlan-gpe 7",
        ),
        ("geneve", geneve(7, BRIDGED, &frame), "geneve 7"),
        ("gtp", gtp(7, &packet), "gtp 7"),
        ("gtp-u", gtp(7, &frame), "gtp 7"),
        (
            "teredo",
            testkit::frames::ipv6((101, 102), 4, &packet),
            "teredo/4in6 ",
        ),
        (
            "l2tp",
            behind(&[0, 2, 0, 8, 0, 9, 0xff, 3, 0, 0x21], &packet),
            "l2tp 8.9",
        ),
        ("mpls", mpls(&[16, 17], &packet), "mpls 16.17"),
        ("gre", behind(&[0, 0, 8, 0], &packet), "gre "),
        ("gue", behind(&[0, 4, 0, 0], &packet), "gue "),
        ("lisp", lisp(0, 0, 0, &packet), "lisp "),
        ("tzsp", tzsp(1, 1, &[], &frame), "tzsp "),
        (
            "capwap",
            behind(&[0, 0x10, 0, 0, 0, 0, 0, 0], &frame),
            "capwap ",
        ),
        ("amt", behind(&[6, 0], &packet), "amt "),
        (
            "jmirror",
            behind(&[0, 0, 0, 1, 0, 0, 0, 2], &packet),
            "jmirror 2",
        ),
        ("mip", behind(&[4, 4, 0, 0], &packet), "mip "),
        ("ip", packet.clone(), "ip "),
    ] {
        let option = format!("udp/65530={name}");
        let named = ["--tunnel-port", &option];
        is_left(name, over_udp(65530, &payload), "udp", &[]);
        is_entered(name, over_udp(65530, &payload), tunnel, &named);
        let from = outer(17, &Udp { ports: (65530, 9) }.datagram(&payload));
        is_entered(name, from, tunnel, &named);
    }
}

#[test]
fn several_ports_are_named() {
    let frame = inner_frame();
    let frames = [
        over_udp(8473, &vxlan(1, &frame)),
        over_udp(8474, &geneve(2, BRIDGED, &frame)),
        over_udp(8475, &vxlan(3, &frame)),
        // Usual ports stay what they are, unless they are named.
        over_udp(4789, &vxlan(4, &frame)),
    ];
    let ports = [
        "udp/8473=vxlan",
        "udp/8474=geneve",
        "udp/8475=gtp",
        "udp/8475=vxlan",
    ];
    let options: Vec<&str> = ports.iter().flat_map(|it| ["--tunnel-port", it]).collect();
    let ids: Vec<String> = list(&frames, &options)
        .iter()
        .map(|row| format!("{} {}", row["tunnel"], row["tunnel_id"]))
        .collect();
    assert_eq!(ids, ["vxlan 1", "geneve 2", "vxlan 3", "vxlan 4"]);
    let other = ["--tunnel-port", "udp/4789=geneve"];
    is_entered(
        "named",
        over_udp(4789, &geneve(2, BRIDGED, &frame)),
        "geneve 2",
        &other,
    );
}

/// What stands on a named port and is no such tunnel stays what it is.
#[test]
fn a_name_does_not_force() {
    let named = ["--tunnel-port", "udp/65530=vxlan"];
    is_left("rubbish", over_udp(65530, &[0x11; 60]), "udp", &named);
    is_left("nothing", over_udp(65530, &[]), "udp", &named);
    is_left(
        "another port",
        over_udp(65529, &vxlan(1, &inner_frame())),
        "udp",
        &named,
    );
}

#[test]
fn wrong_names_are_answered_with_the_right_ones() {
    let with = |port: &str| run(["-", "--decap", "--tunnel-port", port]).exits(2);
    with("udp/8473=vxlam").says(
        "there are vxlan, vxlan-gpe, geneve, gtp, teredo, l2tp, mpls, gre, gue, lisp, tzsp, peekremote, capwap, \
         ayiya, amt, jmirror, mip, ip",
    );
    for text in ["tcp/8473=vxlan", "8473=vxlan", "vxlan"] {
        with(text).says("udp/PORT=TUNNEL");
    }
    for text in ["udp/0=vxlan", "udp/70000=vxlan", "udp/x=vxlan"] {
        with(text).says("1 to 65535");
    }
    run(["-", "--tunnel-port", "udp/8473=vxlan"])
        .exits(2)
        .says("--decap");
}

/// An index notes the ports, and reads its captures by them.
#[test]
fn an_index_knows_the_ports() {
    let folder = tempfile::tempdir().unwrap();
    let (path, index) = (folder.path().join("a.pcap"), folder.path().join("index"));
    let frames = [over_udp(8473, &vxlan(7, &inner_frame())), inner_frame()];
    std::fs::write(&path, Pcap::COMMON.file(frames)).unwrap();
    make(
        &index,
        &[&path],
        &["--decap", "--tunnel-port", "udp/8473=vxlan"],
    );
    let index = index.to_str().unwrap();
    let rows = run(["--index", index, "--format", "csv"]).exits(0).rows();
    assert_eq!(told(&rows[0]), "tcp 10.0.0.1:40000 10.0.0.2:80 | vxlan 7");
    let output = folder.path().join("out.pcap");
    let output = output.to_str().unwrap();
    run(["--index", index, "--extract", "1", "-o", output]).exits(0);
    assert!(std::fs::read(output).unwrap().len() > 100);
    run(["--index", index, "--tunnel-port", "udp/1=gre"]).exits(2);
}
