//! Pairs composed of random edits: all edits are found, and nothing else.

use super::compared;
use super::pair::{Packet, Sighting, View, traffic, written};
use crate::common::Complaints;
use crate::common::program::Row;
use testkit::{Random, low16};

/// The fate of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Nothing,
    Drop,
    Duplicate,
    Mangle,
    Inject,
}

/// The fate of each packet, without edits near the ends of the captures.
fn edits(random: &mut Random, count: usize) -> Vec<Edit> {
    let mut edits = vec![Edit::Nothing; count];
    for edit in edits.iter_mut().take(count - 6).skip(6) {
        *edit = match random.below(40) {
            0 | 1 => Edit::Drop,
            2 => Edit::Duplicate,
            3 => Edit::Mangle,
            4 => Edit::Inject,
            _ => Edit::Nothing,
        };
    }
    edits
}

/// B's view of the packets.
fn view(random: &mut Random) -> View {
    View {
        offset: [0, -5_000_000_000, 40_000_000, 86_400_000_000_000][random.index(4)],
        ppm: [0, 0, 50, -80][random.index(4)],
        is_translated: random.below(3) == 0,
        vlan: (random.below(3) == 0).then_some(100),
        snaplen: (random.below(4) == 0).then_some(200),
    }
}

/// The sightings of both points.
fn sightings(
    random: &mut Random,
    view: &View,
    packets: &[Packet],
    edits: &[Edit],
) -> [Vec<Sighting>; 2] {
    let mut seen = [Vec::new(), Vec::new()];
    for (packet, edit) in packets.iter().zip(edits) {
        let receiver = usize::from(packet.is_ab);
        let mut see = |point: usize, packet: &Packet, after: u64, class| {
            seen[point].push(Sighting {
                time: packet.time_at(point == 1) + after,
                frame: packet.frame(point == 1, view),
                class,
            });
        };
        // Without payload there is nothing to change.
        let edit = match edit {
            Edit::Mangle | Edit::Inject if packet.payload.is_empty() => Edit::Nothing,
            other => *other,
        };
        let class = match edit {
            Edit::Drop => "dropped",
            Edit::Mangle => "mangled",
            _ => "same",
        };
        see(1 - receiver, packet, 0, class);
        match edit {
            Edit::Drop => continue,
            Edit::Mangle => {
                let mut changed = packet.clone();
                let at = random.index(changed.payload.len().min(40));
                changed.payload[at] ^= 0x55;
                see(receiver, &changed, 0, "mangled");
                continue;
            }
            _ => see(receiver, packet, 0, "same"),
        }
        match edit {
            Edit::Duplicate => see(receiver, packet, 3000, "duplicate"),
            Edit::Inject => {
                let mut forged = packet.clone();
                forged.payload.iter_mut().for_each(|it| *it ^= 0xa5);
                forged.id = low16(random.next_u64()) | 1;
                see(receiver, &forged, 40_000, "injected");
            }
            _ => {}
        }
    }
    seen
}

fn check(seed: u64, wrong: &mut Complaints) {
    let mut random = Random::new(seed);
    let conversations = random.between(3, 30);
    let packets = traffic(&mut random, conversations);
    let view = view(&mut random);
    let edits = edits(&mut random, packets.len());
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = sightings(&mut random, &view, &packets, &edits);
    let (a, classes_a) = written(folder.path(), false, &view, a);
    let (b, classes_b) = written(folder.path(), true, &view, b);
    let differs = classes_a.iter().chain(&classes_b).any(|it| *it != "same");
    let code = if differs { 4 } else { 0 };
    let (json, rows) = compared(&a, &b, &[], code);
    let expected = classes_a.iter().chain(&classes_b);
    let differing = rows
        .iter()
        .zip(expected)
        .filter(|(row, class)| is_other(row, class));
    let differing: Vec<String> = differing
        .map(|(row, class)| {
            format!(
                "{} {}: {}, not {class}",
                row["side"], row["number"], row["class"]
            )
        })
        .collect();
    if rows.len() != classes_a.len() + classes_b.len() || !differing.is_empty() {
        wrong.add(format!("seed {seed}, {view:?}: {differing:?}"));
    }
    let offset = json["clock"]["offset_ns"].as_i64().unwrap();
    let drift = json["clock"]["drift_ppm"].as_f64().unwrap();
    if (offset - view.offset).abs() > 400_000 || drift.abs() > 500.0 {
        wrong.add(format!("seed {seed}, {view:?}: {offset} ns, {drift} ppm"));
    }
    let (_, turned) = compared(&b, &a, &[], code);
    if !is_mirrored(&rows, &turned) {
        wrong.add(format!("seed {seed}: B and A are not as A and B"));
    }
}

/// Either copy may be the one that was sent.
fn is_other(row: &Row, class: &str) -> bool {
    let found = row["class"].as_str();
    found != class
        && !(matches!(found, "same" | "duplicate") && matches!(class, "same" | "duplicate"))
}

fn is_mirrored(rows: &[Row], turned: &[Row]) -> bool {
    let other = |it: &str| match it {
        "a" => "b",
        "b" => "a",
        "ab" => "ba",
        "ba" => "ab",
        _ => "",
    };
    let key = |row: &Row| {
        (
            row["side"].clone(),
            row["number"].clone(),
            row["class"].clone(),
            row["direction"].clone(),
        )
    };
    let mut expected: Vec<_> = rows.iter().map(key).collect();
    let found = turned.iter().map(key).map(|(side, number, class, way)| {
        (
            other(&side).to_owned(),
            number,
            class,
            other(&way).to_owned(),
        )
    });
    let mut found: Vec<_> = found.collect();
    expected.sort();
    found.sort();
    expected == found
}

#[test]
fn all_edits_are_found_and_nothing_else() {
    let mut wrong = Complaints::default();
    for seed in 0..60 {
        check(seed, &mut wrong);
    }
    wrong.none();
}
