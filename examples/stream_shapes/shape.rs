//! What captures consist of.

pub(crate) struct Shape {
    pub(crate) connection_count: u32,
    /// Average time from one connection's begin to the next one's.
    pub(crate) interval_ns: u64,
    /// Average time between two packets of a connection.
    pub(crate) pause_ns: u64,
    pub(crate) contents: Contents,
    /// Segments that come twice, in 1000; equally many are late.
    pub(crate) disorder: u64,
}

pub(crate) enum Contents {
    /// One transfer, of 0.5 to 1.5 times as many bytes.
    Bulk { bytes: u64 },
    /// One to three requests and answers, of between so many bytes.
    Exchanges {
        request: (u64, u64),
        answer: (u64, u64),
    },
}

pub(crate) const BULK: Shape = Shape {
    connection_count: 483,
    interval_ns: 2_000_000,
    pause_ns: 5_000_000,
    contents: Contents::Bulk { bytes: 1_930_000 },
    disorder: 1,
};

pub(crate) const MANY: Shape = Shape {
    connection_count: 100_000,
    interval_ns: 1_000_000,
    pause_ns: 220_000_000,
    contents: Contents::Exchanges {
        request: (100, 500),
        answer: (200, 2380),
    },
    disorder: 0,
};
