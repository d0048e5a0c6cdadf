//! Each example of the library does what it asserts.

use std::error::Error;

#[path = "../../examples/consecutive.rs"]
mod consecutive;
#[path = "../../examples/flow_table.rs"]
mod flow_table;
#[path = "../../examples/ignore_addresses.rs"]
mod ignore_addresses;
#[path = "../../examples/records.rs"]
mod records;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn a_session_that_spans_two_files_is_carved() -> Outcome {
    consecutive::main()
}

#[test]
fn records_are_told_with_their_offsets() -> Outcome {
    records::main()
}

#[test]
fn addresses_are_ignored() -> Outcome {
    ignore_addresses::main()
}

#[test]
fn a_flow_table_is_fed_saved_and_loaded() -> Outcome {
    flow_table::main()
}
