//! What captures consist of.

/// The contents of a capture, at scale 1.
pub(crate) struct Shape {
    pub(crate) packet_count: u64,
    pub(crate) conversation_count: u64,
    /// Packets that are not IP, in a thousand.
    pub(crate) not_ip_permille: u64,
    /// Average distance of two packets on the link.
    pub(crate) spacing_ns: u64,
    /// Heavy conversations begin in so many percent of the capture: they need time to end.
    pub(crate) heavy_start_percent: u64,
    /// Acknowledgements for 65,536 data segments of a transfer.
    pub(crate) ack_chance: u64,
    /// Full-size segments among 65,536 data segments of a transfer.
    pub(crate) full_chance: u64,
    /// Where set, the share of full-size segments is steered so that the file has this many bytes.
    pub(crate) steered_bytes: Option<u64>,
    /// The heavy classes come last.
    pub(crate) classes: &'static [Class],
}

pub(crate) struct Class {
    pub(crate) profile: Profile,
    /// Of 100,000 conversations.
    pub(crate) share: u64,
    pub(crate) sizes: Sizes,
}

/// Packets per conversation, as a distribution to take quantiles of.
pub(crate) enum Sizes {
    Even {
        from: u32,
        to: u32,
    },
    Pareto {
        alpha: Alpha,
        from: u32,
        to: u32,
    },
    /// Pareto too, the largest at most `spread` times the smallest, multiplied by what makes the
    /// sum over all classes come out right. A class with few members spreads less, so that no
    /// single one dominates a short capture.
    Heavy {
        alpha: Alpha,
        spread: u32,
    },
}

/// Exponents that need no power function, whose last bit differs from platform to platform.
#[derive(Clone, Copy)]
pub(crate) enum Alpha {
    Half,
    One,
    Two,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// A SYN without an answer: the only conversation of one flow instead of two.
    SilentScan,
    RefusedScan,
    Dns,
    Echo,
    Transfer,
    Interactive,
    Voice,
    Video,
    TinyUdp,
    TinyTcp,
}

pub(crate) const MIX: Shape = Shape {
    packet_count: 9_700_000,
    conversation_count: 808_140,
    not_ip_permille: 5,
    spacing_ns: 6_000,
    heavy_start_percent: 60,
    ack_chance: 32_768,
    full_chance: 26_000,
    steered_bytes: Some(2_060_000_000),
    classes: &[
        class(Profile::SilentScan, 28_000, even(1, 1)),
        class(Profile::RefusedScan, 10_000, even(2, 2)),
        class(Profile::Dns, 30_000, even(2, 2)),
        class(Profile::Echo, 2_000, even(2, 8)),
        class(Profile::Voice, 4_000, even(2, 8)),
        class(Profile::Transfer, 25_800, pareto(Alpha::Two, 7, 150)),
        class(Profile::Transfer, 60, heavy(Alpha::Half, 400)),
        class(Profile::Interactive, 60, heavy(Alpha::Half, 400)),
        class(Profile::Voice, 60, heavy(Alpha::Half, 400)),
        class(Profile::Video, 20, heavy(Alpha::Half, 400)),
    ],
};

pub(crate) const SMALL: Shape = Shape {
    packet_count: 20_000_000,
    conversation_count: 2_045_000,
    not_ip_permille: 0,
    spacing_ns: 1_000,
    heavy_start_percent: 60,
    ack_chance: 0,
    full_chance: 0,
    steered_bytes: None,
    classes: &[
        class(Profile::TinyUdp, 69_500, pareto(Alpha::Two, 4, 200)),
        class(Profile::TinyTcp, 30_000, pareto(Alpha::Two, 4, 200)),
        class(Profile::TinyUdp, 500, heavy(Alpha::One, 100)),
    ],
};

pub(crate) const BULK: Shape = Shape {
    packet_count: 3_000_000,
    conversation_count: 2_000,
    not_ip_permille: 0,
    spacing_ns: 7_400,
    heavy_start_percent: 90,
    ack_chance: 46_000,
    full_chance: 65_536,
    steered_bytes: None,
    classes: &[class(Profile::Transfer, 100_000, heavy(Alpha::One, 100))],
};

const fn class(profile: Profile, share: u64, sizes: Sizes) -> Class {
    Class {
        profile,
        share,
        sizes,
    }
}

const fn even(from: u32, to: u32) -> Sizes {
    Sizes::Even { from, to }
}

const fn pareto(alpha: Alpha, from: u32, to: u32) -> Sizes {
    Sizes::Pareto { alpha, from, to }
}

const fn heavy(alpha: Alpha, spread: u32) -> Sizes {
    Sizes::Heavy { alpha, spread }
}
