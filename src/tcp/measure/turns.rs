//! Requests and responses, whatever the protocol: new bytes of the client, then new bytes of the
//! server, are one turn.

/// The turns of a connection. Times are in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    phase: Phase,
    /// The last new byte so far.
    last: i64,
    pub(super) count: u64,
    pub(super) response_first: i64,
    pub(super) response_sum: i64,
    pub(super) response_max: i64,
    /// The packet that brought the slowest response.
    pub(super) response_max_packet: u64,
    pub(super) client_think: i64,
    pub(super) request: i64,
    pub(super) response: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Nothing,
    Request,
    Response,
}

impl Turns {
    /// New bytes came.
    pub(super) fn add(&mut self, is_client: bool, time: i64, packet: u64) {
        let since = time.saturating_sub(self.last);
        match (self.phase, is_client) {
            (Phase::Request, true) | (Phase::Response, false) => {
                let transfer = self.transfer();
                *transfer = transfer.saturating_add(since);
            }
            (Phase::Request, false) => {
                if self.count == 0 {
                    self.response_first = since;
                    self.response_max = since;
                    self.response_max_packet = packet;
                }
                self.count += 1;
                self.response_sum = self.response_sum.saturating_add(since);
                if since > self.response_max {
                    self.response_max = since;
                    self.response_max_packet = packet;
                }
                self.phase = Phase::Response;
            }
            (Phase::Response, true) => {
                self.client_think = self.client_think.saturating_add(since);
                self.phase = Phase::Request;
            }
            (Phase::Nothing, true) => self.phase = Phase::Request,
            // A server that greets.
            (Phase::Nothing, false) => self.phase = Phase::Response,
        }
        self.last = time;
    }

    const fn transfer(&mut self) -> &mut i64 {
        match self.phase {
            Phase::Request => &mut self.request,
            Phase::Response | Phase::Nothing => &mut self.response,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_turns_after_a_greeting() {
        let mut turns = Turns::default();
        let bytes = [
            (false, 5),
            (true, 10),
            (true, 12),
            (false, 40),
            (false, 47),
            (true, 100),
            (false, 104),
        ];
        for ((is_client, time), packet) in bytes.into_iter().zip(1..) {
            turns.add(is_client, time, packet);
        }
        assert_eq!(turns.count, 2);
        assert_eq!((turns.response_first, turns.response_sum), (28, 32));
        assert_eq!((turns.response_max, turns.response_max_packet), (28, 4));
        assert_eq!((turns.request, turns.response), (2, 7));
        assert_eq!(turns.client_think, 5 + 53);
    }
}
