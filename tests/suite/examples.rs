//! Each example of the library does what it asserts.

use std::error::Error;

#[path = "../../examples/consecutive.rs"]
mod consecutive;
#[path = "../../examples/find_bytes.rs"]
mod find_bytes;
#[path = "../../examples/flow_table.rs"]
mod flow_table;
#[path = "../../examples/ignore_addresses.rs"]
mod ignore_addresses;
#[path = "../../examples/records.rs"]
mod records;
#[path = "../../examples/tcp_flags.rs"]
mod tcp_flags;

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
fn packets_are_counted_by_flags() -> Outcome {
    tcp_flags::main()
}

#[test]
fn a_text_is_found_in_streams() -> Outcome {
    find_bytes::main()
}

#[test]
fn addresses_are_ignored() -> Outcome {
    ignore_addresses::main()
}

#[test]
fn a_flow_table_is_fed_saved_and_loaded() -> Outcome {
    flow_table::main()
}
