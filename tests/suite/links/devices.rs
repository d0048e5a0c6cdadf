//! Link types of capture devices and of routers' interface cards.

use super::{Cases, SNAP, behind, frame, over, wifi};
use testkit::frames::ipv4;

#[test]
fn headers_of_capture_devices() {
    let mut cases = Cases::default();
    cases.v4("EBHSCR", 279, |packet| {
        [vec![0x50], vec![0; 31], frame(&packet)].concat()
    });
    cases.v4("DOCSIS", 143, |packet| over(6, &frame(&packet)));
    cases.v4("DOCSIS, isolation", 143, |packet| {
        [vec![0x80], vec![0; 5], frame(&packet)].concat()
    });
    cases.v4("DOCSIS, not encrypted", 143, |packet| {
        let head = [1, 5, 0, 90, 0x44, 0x10, 0, 1, 0, 0, 0];
        behind(&head, &frame(&packet))
    });
    cases.v4("TZSP, Ethernet", 128, |packet| {
        behind(&[1, 0, 0, 1, 0, 10, 1, 0xc8, 1], &frame(&packet))
    });
    cases.v4("TZSP, 802.11", 128, |packet| {
        let inner = wifi([8, 1], [0, 0], &behind(&SNAP, &packet));
        behind(&[1, 1, 0, 18, 1], &inner)
    });
    for (protocol, start, data) in [
        (1, 24, 24),
        (1, 30, 30),
        (3, 24, 24),
        (8, 24, 24),
        (2, 24, 38),
    ] {
        cases.v4("Redback", 32, |packet| {
            let is_bare = protocol == 1 && start == data;
            let inner = if is_bare { packet } else { frame(&packet) };
            let head = [&[0; 16][..], &[0, 90, 0, protocol, 0, start, 0, data]].concat();
            [head, vec![0; usize::from(start) - 24], inner].concat()
        });
    }
    cases.v4("SITA", 196, |packet| {
        behind(&[0, 0, 0, 0, 0x12, 0x18, 0x41, 3, 0xcc], &packet)
    });
    cases.v4("Symantec", 99, |packet| {
        [&[0; 6][..], &[8, 0], &[0; 36], &packet].concat()
    });
    for link_type in [170, 171] {
        cases.v4("GFP, Ethernet", link_type, |packet| {
            behind(&[0, 90, 0, 0, 0, 1, 0, 0], &frame(&packet))
        });
        cases.v4("GFP, PPP", link_type, |packet| {
            behind(&[0, 90, 0, 0, 0, 2, 0, 0, 0xff, 3, 0, 0x21], &packet)
        });
        cases.v6("GFP, linear, IPv6", link_type, |packet| {
            behind(&[0, 90, 0, 0, 1, 0x11, 0, 0, 0, 0, 0, 0], &packet)
        });
    }
    for (hint, strings) in [(0, 4), (2, 4), (0, 5)] {
        cases.v4("VPP", 280, |packet| {
            let mut head = vec![1, 0, strings, hint, 0, 0, 0, 7];
            head.extend(b"ip4-input\0metadata\0opaque\0opaque2\0");
            if strings == 5 {
                head.extend(b"a trace\0");
            }
            behind(&head, &packet)
        });
    }
    cases.v4("VPP, Ethernet", 280, |packet| {
        behind(b"\x01\0\x04\x01\0\0\0\x07node\0\0\0\0", &frame(&packet))
    });
    cases.are_opened();

    let mut others = Cases::default();
    others.v4("EBHSCR with CAN", 279, |packet| over(32, &packet));
    others.v4("DOCSIS management", 143, |packet| {
        behind(&[0xc2, 0, 0, 60, 0, 0], &packet)
    });
    others.v4("DOCSIS, encrypted", 143, |packet| {
        let head = [1, 5, 0, 90, 0x44, 0x10, 0x80, 1, 0, 0, 0];
        behind(&head, &frame(&packet))
    });
    others.v4("GFP management", 171, |packet| {
        behind(&[0, 90, 0, 0, 0x80, 1, 0, 0], &frame(&packet))
    });
    others.are_not_ip();
}

#[test]
fn juniper_interface_cards() {
    let mut cases = Cases::default();
    let magic =
        |flags: u8, head: &[u8], packet: &[u8]| [b"MGC", &[flags][..], head, packet].concat();
    for link_type in [130, 131, 133, 135, 136, 137, 167, 178, 179, 183] {
        cases.v4("no link layer", link_type, |packet| {
            magic(2, &[2, 0, 0, 0], &packet)
        });
        cases.v6("no link layer", link_type, |packet| {
            magic(2, &[6, 0, 0, 0], &packet)
        });
    }
    for (number, head) in [
        (4, &[0, 1, 1, 64][..]),
        (200, &[0, 0x21]),
        (201, &[0xcc]),
        (202, &SNAP),
        (207, &[0x18, 0x41, 3, 0xcc]),
        (208, &[0x0f, 0, 8, 0]),
    ] {
        cases.v4(&format!("protocol {number}"), 178, |packet| {
            magic(2, &[&[number, 0, 0, 0], head].concat(), &packet)
        });
    }
    for (name, link_type, flags, head) in [
        ("services, in", 136, 1, &[0; 16][..]),
        ("services, out", 136, 0, &[0; 12]),
        ("voice", 183, 0, &[0; 18]),
        ("GGSN", 133, 0, &[2, 0, 0, 0]),
        ("ATM1, bare", 137, 0, &[0; 4]),
        ("ATM1, NLPID", 137, 0, &[0, 0, 0, 0, 3, 0xcc]),
        ("ATM2, bare", 135, 0, &[0; 8]),
        ("ATM2, PPP", 135, 0, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0x21]),
        ("MLPPP, short cookie", 130, 0, &[0x54, 0, 0, 0, 0, 0x21]),
        ("MLPPP, long cookie", 130, 0, &[0x47, 0, 0, 0, 0, 0, 0, 0]),
        ("MLPPP, link", 130, 0, &[0xff, 3, 0, 0x21]),
        ("MLPPP, bundle", 130, 0, &[0, 1, 0, 0x21]),
        ("MLFR, short cookie", 131, 0, &[0x54, 0, 0, 0, 3, 0xcc]),
        ("MLFR, long cookie", 131, 0, &[0x47, 0, 0, 0, 0, 0, 0, 0]),
        ("MLFR, bundle", 131, 0, &[0, 1, 3, 0xcc]),
    ] {
        cases.v4(name, link_type, |packet| magic(flags, head, &packet));
    }
    cases.v4("ATM1, SNAP", 137, |packet| {
        magic(0, &[&[0; 4][..], &SNAP].concat(), &packet)
    });
    cases.v4("ATM2, bridged", 135, |packet| {
        magic(0, &[0, 0, 0, 1, 0, 0, 0, 0], &frame(&packet))
    });
    cases.v4("PPPoE card", 167, |packet| magic(1, &[], &frame(&packet)));
    cases.v4("virtual network", 184, |packet| {
        behind(
            &[1, 4, 1, 2, 3, 4, 2, 4, 0, 0, 0, 0, 0xff, 0],
            &frame(&packet),
        )
    });
    cases.v4("secure tunnel", 200, |packet| {
        let tunnel = ipv4((7, 8), 50, (0, 0), &over(24, &packet));
        magic(0, &[], &frame(&tunnel))
    });
    cases.are_opened();
}
