//! From records to handshake messages.

/// Assembles the messages of one side.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The start of an incomplete record.
    record: Vec<u8>,
    /// The start of an incomplete message.
    message: Vec<u8>,
    /// Whether the side's messages are encrypted or unreadable.
    pub(super) is_over: bool,
}

/// Messages of a side.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Type and body of a handshake message.
    Message(u8, Vec<u8>),
    /// A hello in SSL 2 format.
    OldHello(Vec<u8>),
    /// An unencrypted alert.
    Alert(u8),
    /// Everything that follows is encrypted.
    Encrypts,
    /// A message is too long.
    TooLong,
}

impl Messages {
    /// Reads the next bytes.
    pub(super) fn read(&mut self, bytes: &[u8], said: &mut Vec<Said>) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_over {
            let wanted = self.wanted().saturating_sub(self.record.len());
            let (part, behind) = rest.split_at(wanted.min(rest.len()));
            self.record.extend_from_slice(part);
            rest = behind;
            if self.record.len() < self.wanted() {
                self.expect_possible(said);
                continue;
            }
            let record = std::mem::take(&mut self.record);
            if record.len() < HEADER_LEN {
                self.is_over = true;
                said.push(Said::Encrypts);
            } else {
                self.record(&record, said);
            }
        }
    }

    fn expect_possible(&mut self, said: &mut Vec<Said>) {
        if !self.is_possible() {
            self.is_over = true;
            said.push(Said::Encrypts);
        }
    }

    /// Length of the record, or of its header if not yet known.
    fn wanted(&self) -> usize {
        match self.record.as_slice() {
            [high, low, 1, ..] if self.is_old() => {
                2 + (usize::from(*high & 0x7f) << 8 | usize::from(*low))
            }
            [_, _, _, high, low, ..] => HEADER_LEN + usize::from(u16::from_be_bytes([*high, *low])),
            _ => HEADER_LEN,
        }
    }

    fn is_old(&self) -> bool {
        self.record.first().is_some_and(|it| it & 0x80 != 0)
    }

    fn is_possible(&self) -> bool {
        let is_short = |len: usize| len <= HEADER_LEN + MOST_IN_RECORD;
        match self.record.as_slice() {
            [first, ..] if *first >= 0x80 => true,
            [20..=24, 3, ..] => is_short(self.wanted()),
            [20..=24] | [] => true,
            _ => false,
        }
    }

    fn record(&mut self, record: &[u8], said: &mut Vec<Said>) {
        if self.is_old() || record.first().is_some_and(|it| it & 0x80 != 0) {
            said.push(Said::OldHello(record.get(2..).unwrap_or_default().to_vec()));
            return;
        }
        let payload = record.get(HEADER_LEN..).unwrap_or_default();
        match (record.first(), payload) {
            (Some(22), _) => self.handshake(payload, said),
            (Some(21), [_, description]) => said.push(Said::Alert(*description)),
            (Some(20 | 21 | 23), _) => {
                self.is_over = true;
                said.push(Said::Encrypts);
            }
            _ => {}
        }
    }

    fn handshake(&mut self, payload: &[u8], said: &mut Vec<Said>) {
        self.message.extend_from_slice(payload);
        while let [kind, a, b, c, ..] = self.message.as_slice() {
            let kind = *kind;
            let len = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            if len > MOST_OF_MESSAGE {
                self.is_over = true;
                said.push(Said::TooLong);
                return;
            }
            let Some(body) = self.message.get(4..4 + len) else {
                return;
            };
            said.push(Said::Message(kind, body.to_vec()));
            self.message.drain(..4 + len);
        }
    }
}

const HEADER_LEN: usize = 5;
const MOST_IN_RECORD: usize = 16_384 + 2_048;
/// Limit on a message, with room for a certificate chain.
const MOST_OF_MESSAGE: usize = 64 * 1024;
