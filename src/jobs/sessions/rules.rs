//! Settings shared by all shards.

use super::options::{Bodies, Services, SessionsJob};
use crate::app::http::HttpOptions;

/// Settings shared by all shards.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) services: Services,
    pub(super) parsers: ParserOptions,
}

impl Rules {
    pub(super) fn new(job: &SessionsJob) -> Self {
        Self {
            services: job.services.clone(),
            parsers: ParserOptions::new(job),
        }
    }
}

/// Options of the parsers.
#[derive(Clone, Copy, Debug)]
pub(super) struct ParserOptions {
    pub(super) http: HttpOptions,
}

impl ParserOptions {
    pub(super) const fn new(job: &SessionsJob) -> Self {
        let body_limit = match job.bodies {
            Bodies::None => 0,
            Bodies::Text | Bodies::Base64 => job.body_limit,
        };
        Self {
            http: HttpOptions {
                body_limit,
                hash: job.hash,
            },
        }
    }
}
