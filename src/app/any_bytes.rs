//! Login parsers on arbitrary conversations: records do not depend on how the bytes are divided,
//! and no input panics.

use super::found::Found;
use super::parser::{Next, Parser, Side};
use super::testing::moment;
use super::{Ftp, Imap, Mongodb, Mysql, Pgsql, Pop3, Redis, Smtp};
use proptest::prelude::*;

/// Fragments of conversations in all protocols.
const PARTS: [&[u8]; 72] = [
    b"220 x\r\n", b"220-x\r\n", b"USER a\r\n", b"PASS b\r\n", b"331 x\r\n", b"230 x\r\n",
    b"530 x\r\n", b"EPSV\r\n", b"229 x (|||5|)\r\n", b"PORT 1,2,3,4,5,6\r\n", b"RETR x\r\n",
    b"150 x\r\n", b"226 x\r\n", b"AUTH TLS\r\n", b"AUTH LOGIN\r\n", b"AUTH PLAIN AGEAYg==\r\n",
    b"334 \r\n", b"YQ==\r\n", b"235 x\r\n", b"535 x\r\n", b"EHLO x\r\n", b"LHLO x\r\n",
    b"250 x\r\n", b"MAIL FROM:<a>\r\n", b"RCPT TO:<b>\r\n", b"DATA\r\n", b"354 x\r\n",
    b"BDAT 5 LAST\r\n", b"Subject: =?utf-8?q?a?=\r\n b\r\n\r\n", b"..\r\n", b".\r\n", b"*\r\n",
    b"STARTTLS\r\n", b"\x16\x03\x01", b"+OK <1@x>\r\n", b"-ERR x\r\n", b"APOP a 00ff\r\n",
    b"+ YQ==\r\n", b"CAPA\r\n", b"STLS\r\n", b"* OK x\r\n", b"a LOGIN b c\r\n", b"a LOGIN {2}\r\n",
    b"a OK x\r\n", b"a NO x\r\n", b"a AUTHENTICATE PLAIN\r\n", b"a STARTTLS\r\n", b"{3+}\r\n",
    b"*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", b"*3\r\n$4\r\n", b"AUTH x\r\n", b"HELLO 3 AUTH a b\r\n",
    b"+OK\r\n", b"-WRONGPASS x\r\n", b"%1\r\n", b"|1\r\n", b">2\r\n", b"$2000\r\n", b"SUBSCRIBE x\r\n",
    b"\x3c\0\0\0\x0a5.1\0aaaaaaaaaaaa\0\xff\xf7\x21\x02\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0bbbbbbbbbbbb\0",
    b"\x2e\0\0\x01\x8d\xa6\x0f\0\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0root\0\x02ab\0\0\0\0\0\0",
    b"\x07\0\0\x02\0\0\0\x02\0\0\0", b"\x05\0\0\x02\xff\x15\x04xx", b"\x04\0\0\0\x11x\0\0", b"\x01\0\0\x02\xfe",
    b"\0\0\0\x08\x04\xd2\x16\x2f", b"S", b"\0\0\0\x10\0\x03\0\0user\0a\0\0", b"R\0\0\0\x0c\0\0\0\x05salt",
    b"p\0\0\0\x06a\0", b"R\0\0\0\x08\0\0\0\0", b"Z\0\0\0\x05I",
];

/// A conversation: whether the client sends, and the bytes.
fn script() -> impl Strategy<Value = Vec<(bool, Vec<u8>)>> {
    let known = prop::sample::select(PARTS.to_vec()).prop_map(<[u8]>::to_vec);
    let changed = (known.clone(), any::<prop::sample::Index>(), any::<u8>());
    let changed = changed.prop_map(|(mut bytes, at, byte)| {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    let random = prop::collection::vec(any::<u8>(), 0..20);
    let part = prop_oneof![8 => known, 2 => changed, 1 => random];
    prop::collection::vec((any::<bool>(), part), 0..30)
}

/// The records of a conversation. `skips` says whether skippable bytes are left out.
fn heard<P: Parser + Default>(script: &[(bool, Vec<u8>)], piece: usize, skips: bool) -> Vec<Found> {
    let mut parser = P::default();
    let mut found = Vec::new();
    'all: for (packet, (is_client, bytes)) in (1..).zip(script) {
        let side = if *is_client {
            Side::Client
        } else {
            Side::Server
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let skippable = usize::try_from(parser.skippable(side)).unwrap_or(usize::MAX);
            let skipped = if skips { skippable.min(rest.len()) } else { 0 };
            let next = if skipped > 0 {
                rest = &rest[skipped..];
                parser.skipped(side, skipped as u64, moment(packet), &mut found)
            } else {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                rest = later;
                parser.data(side, now, moment(packet), &mut found)
            };
            if next != Next::Continue {
                break 'all;
            }
        }
    }
    parser.end(&mut found);
    found
}

fn check<P: Parser + Default>(script: &[(bool, Vec<u8>)], piece: usize) {
    let whole = heard::<P>(script, usize::MAX, false);
    assert_eq!(whole, heard::<P>(script, piece, false));
    assert_eq!(whole, heard::<P>(script, piece, true));
}

proptest! {
    #[test]
    fn division_makes_no_difference(script in script(), piece in 1_usize..8) {
        check::<Ftp>(&script, piece);
        check::<Imap>(&script, piece);
        check::<Mongodb>(&script, piece);
        check::<Mysql>(&script, piece);
        check::<Pgsql>(&script, piece);
        check::<Pop3>(&script, piece);
        check::<Redis>(&script, piece);
        check::<Smtp>(&script, piece);
    }

    #[test]
    fn gaps_do_no_harm(script in script(), gaps in prop::collection::vec(0_u64..2000, 30)) {
        gapped::<Ftp>(&script, &gaps);
        gapped::<Imap>(&script, &gaps);
        gapped::<Mongodb>(&script, &gaps);
        gapped::<Mysql>(&script, &gaps);
        gapped::<Pgsql>(&script, &gaps);
        gapped::<Pop3>(&script, &gaps);
        gapped::<Redis>(&script, &gaps);
        gapped::<Smtp>(&script, &gaps);
    }
}

/// Parses a conversation with a gap before some messages.
fn gapped<P: Parser + Default>(script: &[(bool, Vec<u8>)], gaps: &[u64]) {
    let mut parser = P::default();
    let mut found = Vec::new();
    for (packet, ((is_client, bytes), gap)) in (1..).zip(script.iter().zip(gaps)) {
        let side = if *is_client {
            Side::Client
        } else {
            Side::Server
        };
        if gap % 4 == 0 {
            parser.gap(side, *gap, moment(packet), &mut found);
        }
        parser.data(side, bytes, moment(packet), &mut found);
    }
    parser.end(&mut found);
}
