//! Queries awaiting their response.

use super::record::Dns;
use crate::app::found::Moment;
use std::collections::VecDeque;

/// The latest queries of a connection.
#[derive(Clone, Debug, Default)]
pub struct Queries(VecDeque<Query>);

#[derive(Clone, Debug)]
struct Query {
    id: u16,
    name: String,
    rtype: u16,
    at: Moment,
}

impl Queries {
    /// Notes a query, or finds the query of a response: same id and first question, at most a
    /// minute earlier.
    pub fn pair(&mut self, dns: &mut Dns, at: Moment) {
        let first = dns.questions.first();
        if dns.header.is_response() {
            let is_same = |query: &Query| {
                query.id == dns.header.id
                    && first.is_some_and(|it| {
                        it.rtype == query.rtype && it.name.eq_ignore_ascii_case(&query.name)
                    })
            };
            let place = self.0.iter().position(is_same);
            let query = place.and_then(|it| self.0.remove(it));
            dns.query = query
                .map(|it| it.at)
                .filter(|it| (0..=LONGEST).contains(&at.time.saturating_sub(it.time)));
        } else if let Some(question) = first {
            if self.0.len() >= MOST {
                self.0.pop_front();
            }
            self.0.push_back(Query {
                id: dns.header.id,
                name: question.name.clone(),
                rtype: question.rtype,
                at,
            });
        }
    }
}

const MOST: usize = 64;
/// Nanoseconds.
const LONGEST: i64 = 60_000_000_000;
