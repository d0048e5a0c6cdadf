//! A run says the same of a capture from a file and from a stream, by any number of threads, with
//! windows, chunks and hashes of any kind; and what the simplest way to read it says.

#![no_main]

use arbitrary::Arbitrary;
use fuzzing::{Trickle, Wound, file, is_packed, wound};
use libfuzzer_sys::fuzz_target;
use pcap_flows::capture::Input;
use pcap_flows::decode::DecodeOptions;
use pcap_flows::engine::{Balance, Config, Duplicates, Progress, Source, Tuning, run};
use pcap_flows::flow::{Flow, HashKey};
use pcap_flows::jobs::verify::verify;

#[derive(Arbitrary, Debug)]
struct Question<'a> {
    options: u8,
    window: u16,
    chunk: u16,
    buffer: u16,
    piece: u8,
    hash_seed: u64,
    capture: &'a [u8],
}

/// Balance, flows, damages, and what kept the rest from being read.
type Answer = Result<(Balance, Vec<Flow>, Vec<Wound>, u64, Option<String>), String>;

fn config(options: u8, tuning: Tuning) -> Config {
    Config {
        five_tuple: options & 1 != 0,
        conversations: options & 2 != 0,
        decode: DecodeOptions {
            decap: options & 4 != 0,
            ..DecodeOptions::default()
        },
        duplicates: (options & 8 != 0).then(Duplicates::default),
        tuning,
        ..Config::default()
    }
}

fuzz_target!(|question: Question<'_>| {
    if is_packed(question.capture) {
        return;
    }
    let path = file("capture", question.capture);
    let simplest = Tuning {
        threads: 1,
        chunk_len: usize::MAX,
        hash_key: Some(HashKey::fixed(0)),
        ..Tuning::default()
    };
    let config_of = |tuning| config(question.options, tuning);
    let answer = |source: Source, config: &Config, is_checked: bool| -> Answer {
        let name = path.display().to_string();
        let outcome = run(config, vec![source], &mut (), &Progress::default())
            .map_err(|error| error.to_string().replace(&name, "capture"))?;
        assert!(outcome.balance.is_even());
        if is_checked {
            let paths = [path.clone()];
            let verified = verify(config, &paths, &outcome, &Progress::default()).unwrap();
            assert!(verified.is_same(), "{verified:?}");
        }
        let input = &outcome.inputs[0];
        let error = input
            .error
            .as_ref()
            .map(|it| it.to_string().replace(&name, "capture"));
        let damages = input.damages.iter().map(wound).collect();
        let flows = outcome.flows.iter().collect();
        Ok((outcome.balance, flows, damages, input.damage_count, error))
    };
    let first = answer(
        Source::Path(path.clone()),
        &config_of(simplest.clone()),
        true,
    );

    let tuning = Tuning {
        threads: 4,
        window_len: usize::from(question.window) + 1,
        chunk_len: usize::from(question.chunk) + 1,
        shards: usize::from(question.piece) % 7 + 1,
        hash_key: Some(HashKey::fixed(question.hash_seed)),
        ..Tuning::default()
    };
    let second = answer(
        Source::Path(path.clone()),
        &config_of(tuning.clone()),
        false,
    );
    assert_eq!(first, second);

    let trickle = Box::new(Trickle::new(question.capture, usize::from(question.piece)));
    let buffer = usize::from(question.buffer) + 1;
    let input = Input::from_reader_with_buffer("capture", trickle, buffer).unwrap();
    let third = answer(Source::Input(input), &config_of(tuning), false);
    assert_eq!(first, third);
});
