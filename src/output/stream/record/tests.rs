use super::*;
use proptest::prelude::*;

const STYLES: [HeaderStyle; 4] = [
    HeaderStyle::Packed,
    HeaderStyle::C,
    HeaderStyle::Extended,
    HeaderStyle::Wide,
];

const HEADER: RecordHeader = RecordHeader {
    time: Nanos(0x0102_0304_0506_0708),
    len: 0x0005,
    stream_id: 0x0001_4321,
    tcp: TcpFields {
        sequence: 0x1111_2222,
        acknowledgment: 0x3333_4444,
        window: 0x0001_0000,
        flags: 0x18,
        is_start: false,
        is_reassembled: true,
    },
};

fn encoded(style: HeaderStyle, header: &RecordHeader) -> Vec<u8> {
    let mut out = Vec::new();
    style.encode(header, &mut out);
    assert_eq!(out.len(), style.header_len());
    out
}

#[test]
fn layouts() {
    let time = [8, 7, 6, 5, 4, 3, 2, 1];
    let short = [5, 0, 0x21, 0x43];
    let packed = [&time[..], &short].concat();
    assert_eq!(encoded(HeaderStyle::Packed, &HEADER), packed);
    let padded = [&packed[..], &[0; 4]].concat();
    assert_eq!(encoded(HeaderStyle::C, &HEADER), padded);
    let wide = [&time[..], &[5, 0, 0, 0, 0x21, 0x43, 1, 0]].concat();
    assert_eq!(encoded(HeaderStyle::Wide, &HEADER), wide);

    let mut extended = packed;
    extended.extend([0x22, 0x22, 0x11, 0x11]); // sequence
    extended.extend([0x44, 0x44, 0x33, 0x33]); // acknowledgment
    extended.extend([0, 0, 1, 0]); // window
    extended.extend([0x18, 0x40]); // flags: reassembled, ACK and PSH
    // 0x0708 + 0x0005 + 0x4321 + 0x2222 + 0x4444 + 0x0000 + 0x4018 = 0xf0ac
    extended.extend([0xac, 0xf0]);
    extended.extend([0; 4]);
    assert_eq!(encoded(HeaderStyle::Extended, &HEADER), extended);
}

#[test]
fn the_sum_wraps_and_the_start_is_bit_15() {
    let header = RecordHeader {
        time: Nanos(-1),
        tcp: TcpFields {
            flags: 0x02,
            is_start: true,
            ..TcpFields::default()
        },
        ..RecordHeader::default()
    };
    let bytes = encoded(HeaderStyle::Extended, &header);
    assert_eq!(bytes[..8], [0xff; 8]);
    // 0xffff + 0x8002
    assert_eq!(bytes[24..28], [0x02, 0x80, 0x01, 0x80]);
    assert_eq!(HeaderStyle::Extended.decode(&bytes), Some(header));
}

#[test]
fn bits_that_have_no_name_are_part_of_the_sum() {
    let mut bytes = encoded(HeaderStyle::Extended, &RecordHeader::default());
    bytes[25] |= 0x01; // flags, bit 8
    bytes[27] |= 0x01; // checksum
    assert_eq!(
        read(&bytes, HeaderStyle::Extended)[0]
            .as_ref()
            .unwrap()
            .header,
        RecordHeader::default()
    );
}

#[test]
fn too_few_bytes_are_no_header() {
    for style in STYLES {
        let bytes = encoded(style, &HEADER);
        assert!(style.decode(&bytes[1..]).is_none());
        assert!(style.decode(&[]).is_none());
        assert!(style.decode(&[bytes, vec![0xff]].concat()).is_some());
    }
}

fn read(bytes: &[u8], style: HeaderStyle) -> Vec<Result<Record, RecordError>> {
    RecordReader::new(bytes, style).collect()
}

fn two_records(style: HeaderStyle) -> Vec<u8> {
    let mut bytes = encoded(style, &HEADER);
    bytes.extend(b"hello");
    let empty = RecordHeader { len: 0, ..HEADER };
    bytes.extend(encoded(style, &empty));
    bytes
}

#[test]
fn records_are_read_to_the_end() {
    for style in STYLES {
        let records = read(&two_records(style), style);
        let payloads: Vec<&[u8]> = records
            .iter()
            .map(|it| &it.as_ref().unwrap().payload[..])
            .collect();
        assert_eq!(payloads, [&b"hello"[..], b""]);
        assert!(read(b"", style).is_empty());
    }
}

#[test]
fn a_cut_is_told_and_ends_it() {
    for style in STYLES {
        let (header_len, bytes) = (style.header_len(), two_records(style));
        let second = header_len + 5;
        for (cut, offset, needed) in [
            (1, 0, header_len),
            (header_len - 1, 0, header_len),
            (header_len, 0, second),
            (second - 1, 0, second),
            (second + 1, second, header_len),
        ] {
            let mut reader = RecordReader::new(&bytes[..cut], style);
            let error = reader.by_ref().find_map(Result::err).unwrap();
            let told = match error {
                RecordError::CutShort {
                    offset,
                    needed,
                    left,
                } => (offset, needed, left),
                error => panic!("{error}"),
            };
            assert_eq!(told, (offset as u64, needed, cut - offset), "{style:?}");
            assert!(reader.next().is_none());
        }
    }
    let error = read(b"abc", HeaderStyle::Packed).remove(0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the record at byte 0 is cut short: it needs 12 bytes, 3 are left"
    );
}

#[test]
fn a_length_that_is_not_there_costs_no_memory() {
    let mut bytes = vec![0; 8];
    bytes.extend([0xff; 8]);
    bytes.push(1);
    let records = read(&bytes, HeaderStyle::Wide);
    assert!(matches!(
        records[..],
        [Err(RecordError::CutShort { left: 17, .. })]
    ));
}

#[test]
fn damage_is_told_by_the_checksum() {
    let mut bytes = two_records(HeaderStyle::Extended);
    bytes[32 + 5 + 12] ^= 1; // the second record's sequence number
    let records = read(&bytes, HeaderStyle::Extended);
    assert!(records[0].is_ok() && records.len() == 2);
    assert_eq!(
        records[1].as_ref().unwrap_err().to_string(),
        "the record at byte 37 is damaged, or of another style: its checksum is 0xf0a7, that \
         of its fields 0xf0a8"
    );
}

#[test]
fn what_the_system_says_is_passed_on() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
    let mut reader = RecordReader::new(Broken, HeaderStyle::Packed);
    assert!(matches!(reader.next(), Some(Err(RecordError::Io(_)))));
    assert!(reader.next().is_none());
}

fn any_tcp() -> impl Strategy<Value = TcpFields> {
    let numbers = any::<(u32, u32, u32, u8, bool, bool)>();
    numbers.prop_map(
        |(sequence, acknowledgment, window, flags, is_start, is_reassembled)| TcpFields {
            sequence,
            acknowledgment,
            window,
            flags,
            is_start,
            is_reassembled,
        },
    )
}

/// What a style keeps of a header.
fn kept(style: HeaderStyle, header: RecordHeader) -> RecordHeader {
    let is_wide = style == HeaderStyle::Wide;
    let has_tcp = style == HeaderStyle::Extended;
    RecordHeader {
        stream_id: if is_wide {
            header.stream_id
        } else {
            header.stream_id & 0xffff
        },
        tcp: if has_tcp {
            header.tcp
        } else {
            TcpFields::default()
        },
        ..header
    }
}

proptest! {
    #[test]
    fn headers_come_back(
        time in any::<i64>(), len in any::<u32>(), stream_id in any::<u32>(), tcp in any_tcp()
    ) {
        for style in STYLES {
            let len = len.min(style.max_payload());
            let header = RecordHeader { time: Nanos(time), len, stream_id, tcp };
            let bytes = encoded(style, &header);
            prop_assert_eq!(style.decode(&bytes), Some(kept(style, header)));
        }
    }

    #[test]
    fn records_come_back(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8),
        tcp in any_tcp()
    ) {
        for style in STYLES {
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            for payload in &payloads {
                let len = u32::try_from(payload.len()).unwrap();
                let header = RecordHeader { len, tcp, ..HEADER };
                style.encode(&header, &mut bytes);
                bytes.extend(payload);
                let header = kept(style, header);
                expected.push(Record { header, payload: payload.clone() });
            }
            let records: Result<Vec<Record>, _> = RecordReader::new(&bytes[..], style).collect();
            prop_assert_eq!(records.unwrap(), expected);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for style in STYLES {
            let whole = read(&bytes, style);
            prop_assert!(whole.iter().rev().skip(1).all(Result::is_ok));
        }
    }
}
