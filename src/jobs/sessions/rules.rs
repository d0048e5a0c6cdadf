//! Settings shared by all shards.

use super::hint::PortHint;
use super::options::{Bodies, Services, SessionsJob};
use crate::app::http::{BodyStore, HttpOptions};
use std::sync::Arc;

/// Settings shared by all shards.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) services: Services,
    pub(super) http: HttpOptions,
    pub(super) hints: Vec<PortHint>,
}

impl Rules {
    pub(super) fn new(job: &SessionsJob, store: Option<Arc<dyn BodyStore>>) -> Self {
        let body_limit = match job.bodies {
            Bodies::None => 0,
            Bodies::Text | Bodies::Base64 => job.body_limit,
        };
        Self {
            services: job.services.clone(),
            http: HttpOptions {
                body_limit,
                hash: job.hash,
                store,
            },
            hints: job.hints.clone(),
        }
    }
}
