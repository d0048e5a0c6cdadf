//! What each stage costs by itself, on one thread.
//!
//! ```text
//! cargo bench --bench stages                                    # all of it, some three minutes
//! cargo bench --bench stages -- decode                          # what has this in its name
//! cargo bench --bench stages -- --save-baseline before          # … and then, changed:
//! cargo bench --bench stages -- --baseline before
//! ```
//!
//! Inputs are made from a fixed seed, in memory. Each benchmark looks whether the right answer
//! comes out before it measures, so that `cargo test --benches` is a test.

mod decode;
mod inputs;
mod reassembly;
mod search;
mod table;
mod walk;

use criterion::Criterion;
use std::time::Duration;

fn main() {
    // Short: on a shared machine more samples find more disturbances, not a truer time.
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    walk::benches(&mut criterion);
    search::benches(&mut criterion);
    decode::benches(&mut criterion);
    table::benches(&mut criterion);
    reassembly::benches(&mut criterion);
    criterion.final_summary();
}
