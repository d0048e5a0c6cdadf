//! Whether the records that an index leads to are those that it was made of.

use crate::engine::{Findings, Gate};
use crate::error::{Error, ErrorKind};
use crate::flow::Flow;
use std::path::PathBuf;

/// Checks, before outputs are complete, that flows are those of the index.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// The first capture.
    pub(super) capture: PathBuf,
    pub(super) flows: Vec<Flow>,
}

impl Gate for Expected {
    fn check(&mut self, found: &Findings<'_>) -> Result<(), Error> {
        let flows = found.flows;
        let is_same = |flow: &Flow| {
            flows.get(flow.id).is_some_and(|found| {
                found.key == flow.key
                    && (found.packets, found.bytes) == (flow.packets, flow.bytes)
                    && (found.first, found.last) == (flow.first, flow.last)
            })
        };
        let count = flows.iter().count();
        let wrong = self.flows.iter().find(|flow| !is_same(flow));
        if wrong.is_none() && count == self.flows.len() {
            return Ok(());
        }
        let what = match wrong {
            Some(flow) => format!(
                "the packets of FlowID {} are not where the index has them; index it again",
                flow.id
            ),
            None => {
                "it has packets of other flows where the index has some; index it again".to_owned()
            }
        };
        Err(ErrorKind::CaptureChanged {
            path: self.capture.clone(),
            what,
        }
        .into())
    }
}
