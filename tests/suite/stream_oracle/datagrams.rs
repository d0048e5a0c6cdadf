//! UDP: payloads in the order of capture.

use super::connection::{PLACES, Shape, Tap, Weather, any_touch};
use super::extraction::{Asked, any_headers, any_way, extract};
use super::plan::Capture;
use crate::common::effort::cases;
use crate::common::program::rows;
use crate::common::streams::records;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use testkit::conversation::{Ends, content, padded, without_length};

#[derive(Clone, Debug)]
struct Datagram {
    place: usize,
    /// The server sends it.
    is_reply: bool,
    payload: Vec<u8>,
    tap: Tap,
    shape: Shape,
    /// How much of its end was not captured.
    cut: Option<Index>,
}

fn any_datagram() -> impl Strategy<Value = Datagram> {
    let payload = (
        any::<u64>(),
        prop_oneof![10 => 0..200_usize, 1 => 0..20_000_usize],
    );
    let cut = prop::option::weighted(0.1, any::<Index>());
    let touch = any_touch(Weather::FAIR);
    (0..PLACES.len(), any::<bool>(), payload, touch, cut).prop_map(
        |(place, is_reply, (seed, len), touch, cut)| Datagram {
            place,
            is_reply,
            payload: content(seed, len),
            tap: touch.tap,
            shape: touch.shape,
            cut,
        },
    )
}

impl Datagram {
    fn ends(&self) -> Ends {
        let ends = PLACES[self.place];
        let ends = if self.is_reply { ends.reversed() } else { ends };
        self.tap.of(ends)
    }

    fn frames(&self, id: u16) -> Vec<Vec<u8>> {
        let ends = self.ends();
        match &self.shape {
            Shape::Fragments(len, _) => ends.datagram_fragments(id, &self.payload, *len),
            Shape::Padded => vec![padded(ends.datagram(&self.payload))],
            Shape::OpenLength if ends.vlan.is_none() => {
                vec![without_length(ends.datagram(&self.payload))]
            }
            _ => vec![ends.datagram(&self.payload)],
        }
    }

    fn cut(&self) -> usize {
        let cut = self.cut.filter(|_| self.shape == Shape::Plain);
        cut.map_or(0, |cut| cut.index(self.payload.len() + 1))
    }
}

/// What is to be found of a stream.
#[derive(Debug, Default)]
struct Expected {
    datagrams: usize,
    /// What was captured of each: when, and which bytes.
    records: Vec<(i64, Vec<u8>)>,
    /// Its bytes; `None` for those that were not captured.
    bytes: Vec<Option<u8>>,
}

impl Expected {
    fn add(&mut self, datagram: &Datagram, time_ns: i64) {
        let (captured, lost) = datagram
            .payload
            .split_at(datagram.payload.len() - datagram.cut());
        self.datagrams += 1;
        // Where there is nothing, there is nothing to stand in front of.
        if !captured.is_empty() {
            self.records.push((time_ns, captured.to_vec()));
        }
        self.bytes.extend(captured.iter().copied().map(Some));
        self.bytes.extend(lost.iter().map(|_| None));
    }

    fn gap_list(&self) -> String {
        let gaps = self.bytes.chunk_by(|a, b| a.is_some() == b.is_some());
        let mut place = 0;
        let mut list = Vec::new();
        for run in gaps {
            if run[0].is_none() {
                list.push(format!("{place}+{}", run.len()));
            }
            place += run.len();
        }
        list.join(" ")
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// Datagrams follow each other as they were captured; each has its header.
    #[test]
    fn datagrams_stay_apart(
        datagrams in prop::collection::vec(any_datagram(), 0..40),
        headers in any_headers(),
        way in any_way(),
    ) {
        let mut capture = Capture::default();
        let mut expected: BTreeMap<String, Expected> = BTreeMap::new();
        for (datagram, id) in datagrams.iter().zip(0..) {
            for frame in datagram.frames(id) {
                capture.add(&frame, datagram.cut());
            }
            let stream = expected.entry(datagram.ends().name("udp")).or_default();
            stream.add(datagram, capture.last_time_ns());
        }
        let asked = Asked { headers, ..Asked::default() };
        let found = extract(&capture.file, &asked, way)?;

        let rows = rows(&found.manifest);
        prop_assert_eq!(rows.len(), expected.len());
        expected.retain(|_, stream| !stream.records.is_empty());
        prop_assert!(found.files.keys().eq(expected.keys()));
        for (name, stream) in expected {
            let row = rows.iter().find(|row| row["file"] == name).unwrap();
            let whole: Vec<u8> = stream.bytes.iter().copied().flatten().collect();
            for (column, value) in [
                ("bytes", whole.len().to_string()),
                ("segments", stream.datagrams.to_string()),
                ("gap_list", stream.gap_list()),
                ("conflicts", "0".to_owned()),
                ("end", "open".to_owned()),
            ] {
                prop_assert_eq!(&row[column], &value, "{} of {}", column, name);
            }
            let Some(style) = headers else {
                prop_assert_eq!(&found.files[&name], &whole);
                continue;
            };
            let records = records(&found.files[&name], style).into_iter();
            let records: Vec<_> = records.map(|it| (it.header.time.0, it.payload)).collect();
            prop_assert_eq!(records, stream.records);
        }
    }
}
