//! How thorough the tests are: `cargo test` takes samples where a test could run for ever, and the
//! full gate takes more of them, or all.

use proptest::prelude::ProptestConfig;
use std::env;

/// Whether everything is tested that can be: `PCAP_FLOWS_TESTS=full`, as `.ci/run --full` sets it.
pub(crate) fn is_full() -> bool {
    env::var_os("PCAP_FLOWS_TESTS").is_some_and(|it| it == "full")
}

/// Cheap cases come often, those that run whole jobs less so. `PROPTEST_CASES` sets how thorough
/// all of it is; 256 stands for the numbers given here.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: count.saturating_mul(default.cases) / 256,
        max_shrink_iters: 4000,
        max_shrink_time: 20_000,
        ..default
    }
}
