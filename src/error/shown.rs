//! Display of file names in messages.

use std::fmt::{self, Write as _};
use std::path::Path;

/// A file name for messages. Characters that could forge a line or hide what follows are escaped.
pub trait ShownPath {
    /// The name, ready for formatting.
    fn shown(&self) -> Shown<'_>;
}

impl ShownPath for Path {
    fn shown(&self) -> Shown<'_> {
        Shown(self)
    }
}

/// A file name for messages.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_os_str().as_encoded_bytes().utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_plain(character) {
                    f.write_char(character)?;
                } else {
                    write!(f, "{}", character.escape_default())?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Whether a character is neither a control character nor one that changes line ends or text
/// direction (Unicode Standard Annex 9).
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn no_name_forges_a_line() {
        for (name, shown) in [
            (&b"day/a b-\xc3\xa9.pcap"[..], "day/a b-\u{e9}.pcap"),
            (b"x\npcap_flows: all is well", "x\\npcap_flows: all is well"),
            (b"a\x1b[2Kb", "a\\u{1b}[2Kb"),
            ("a\u{202e}pacp".as_bytes(), "a\\u{202e}pacp"),
            (b"a\xffb", "a\\xffb"),
            (b"a\x7f\r", "a\\u{7f}\\r"),
        ] {
            let path = Path::new(OsStr::from_bytes(name));
            assert_eq!(path.shown().to_string(), shown);
        }
    }
}
