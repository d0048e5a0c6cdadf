use super::record::KEXINIT;
use super::*;
use crate::app::digest::hex;
use crate::app::testing::{C, S, hear};
use md5::{Digest, Md5};

fn offer(lists: [&str; 10]) -> Vec<u8> {
    let mut payload = vec![KEXINIT];
    payload.extend([7; 16]);
    for list in lists {
        payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        payload.extend(list.as_bytes());
    }
    payload.extend([0; 5]);
    let padding = 4;
    let len = u32::try_from(1 + payload.len() + padding).unwrap();
    let mut packet = len.to_be_bytes().to_vec();
    packet.push(4);
    packet.extend(payload);
    packet.extend([0; 4]);
    packet
}

#[test]
fn both_offers_make_a_record() {
    let client = offer([
        "kex-a,kex-b",
        "rsa,ed",
        "c1",
        "c2",
        "m1",
        "m2",
        "z1",
        "z2",
        "",
        "",
    ]);
    let server = offer([
        "kex-b,kex-a",
        "ed",
        "c1",
        "c2",
        "m1",
        "m2",
        "z1",
        "z2",
        "",
        "",
    ]);
    let client = [b"SSH-2.0-client\r\n", &client[..]].concat();
    let server = [b"welcome\r\nSSH-2.0-server\n", &server[..]].concat();
    let heard = hear::<SshParser>(&[(S, &server), (C, &client)]);
    assert_eq!(heard.next, Next::Stop);
    let Content::Ssh(ssh) = &heard.found[0].content else {
        panic!("a handshake");
    };
    assert_eq!(ssh.client.as_deref(), Some(&b"SSH-2.0-client"[..]));
    assert_eq!(ssh.server.as_deref(), Some(&b"SSH-2.0-server"[..]));
    assert_eq!(ssh.kex(), Some(&b"kex-a"[..]));
    assert_eq!(ssh.host_key(), Some(&b"ed"[..]));
    let print = hex(&Md5::digest("kex-a,kex-b;c1;m1;z1"));
    assert_eq!(ssh.hassh(), Some(print));
    let print = hex(&Md5::digest("kex-b,kex-a;c2;m2;z2"));
    assert_eq!(ssh.hassh_server(), Some(print));
}

#[test]
fn versions_alone_are_a_record() {
    let heard = hear::<SshParser>(&[(S, b"SSH-1.5-x\n"), (C, b"SSH-1.5-y\n")]);
    assert_eq!(heard.found.len(), 1);
}
