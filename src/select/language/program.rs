//! The compiled form of a text, and its evaluation.
//!
//! A program is a list of tests, each with an exit for each outcome. All lead to a later test or
//! to a verdict. So evaluation is one loop that skips what no longer affects the verdict, needs no
//! stack, and ends: libpcap compiles to the same shape, for the same reasons.
//!
//! Where the outcome of a test is unknown, so is that of its opposite. The [parser](super::parse)
//! moves each `not` down to the tests: not (a and b) is (not a) or (not b), of unknown ones as
//! well. So only "and" and "or" are above the tests, which are true exactly when enough of their
//! operands are true; and an operand that is unknown is not.

/// A part of a text in the order of reading, each operator after its operands.
#[derive(Clone, Debug)]
pub(super) enum Item<T> {
    /// A test, and whether it must be true, or false.
    Test(T, bool),
    /// Joins the last two.
    Join(Operator),
}

/// How two conditions are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    And,
    Or,
}

impl Operator {
    /// The operator that joins the opposites of two conditions to the opposite of the whole.
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::And => Self::Or,
            Self::Or => Self::And,
        }
    }
}

/// A program of tests. One without any is true of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program<T> {
    /// The last step is the first to be taken.
    steps: Vec<Step<T>>,
    /// The index of that step, or a verdict.
    start: usize,
}

/// A test, and for each outcome the index of the next step, or a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step<T> {
    test: T,
    on_true: usize,
    on_false: usize,
    on_unknown: usize,
}

/// The place after an operand that is met, and after one that is not.
#[derive(Clone, Copy, Debug)]
struct Exits {
    met: usize,
    not_met: usize,
}

/// The two verdicts, beyond the index of any step.
const PASS: usize = usize::MAX;
const FAIL: usize = usize::MAX - 1;

/// The step that is the last one when the exits are resolved.
const NEXT: usize = usize::MAX - 2;

impl<T> Default for Program<T> {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl<T> Program<T> {
    /// Compiles from the last item to the first, so that the steps to which the exits of an item
    /// lead exist already. Linear in time and memory.
    pub(super) fn new(items: Vec<Item<T>>) -> Self {
        let mut steps: Vec<Step<T>> = Vec::new();
        let mut pending = vec![Exits {
            met: PASS,
            not_met: FAIL,
        }];
        for item in items.into_iter().rev() {
            let Some(exits) = pending.pop() else {
                break;
            };
            let exits = exits.with_next(steps.len().wrapping_sub(1));
            match item {
                Item::Test(test, wanted) => steps.push(Step {
                    test,
                    on_true: if wanted { exits.met } else { exits.not_met },
                    on_false: if wanted { exits.not_met } else { exits.met },
                    on_unknown: exits.not_met,
                }),
                Item::Join(Operator::And) => {
                    pending.push(Exits { met: NEXT, ..exits });
                    pending.push(exits);
                }
                Item::Join(Operator::Or) => {
                    pending.push(Exits {
                        not_met: NEXT,
                        ..exits
                    });
                    pending.push(exits);
                }
            }
        }
        Self::of(steps)
    }

    fn of(steps: Vec<Step<T>>) -> Self {
        let start = steps.len().checked_sub(1).unwrap_or(PASS);
        Self { steps, start }
    }

    /// The verdict, where `outcome` gives that of a test; `None` is unknown. It is called only for
    /// tests that the verdict still depends on, in the order of the text.
    pub(crate) fn holds(&self, outcome: impl Fn(&T) -> Option<bool>) -> bool {
        let mut place = self.start;
        while let Some(step) = self.steps.get(place) {
            place = match outcome(&step.test) {
                Some(true) => step.on_true,
                Some(false) => step.on_false,
                None => step.on_unknown,
            };
        }
        place == PASS
    }

    /// All tests, in no order.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &T> {
        self.steps.iter().map(|step| &step.test)
    }

    /// Whether there is no test.
    pub(crate) const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl Exits {
    fn with_next(self, next: usize) -> Self {
        let resolve = |place| if place == NEXT { next } else { place };
        Self {
            met: resolve(self.met),
            not_met: resolve(self.not_met),
        }
    }
}
