use super::*;

/// The client's Initial packet of RFC 9001, appendix A.2, is recognized as the start of a
/// connection, but not with a bit changed.
#[test]
fn the_example_of_the_specification() {
    let keys = Keys::new(1, &[0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08]);
    assert!(keys.is_some());
}
