//! Excerpts of an index's captures for other jobs: the packets of some flows.

use super::carve::{Carving, Plan};
use super::expected::Expected;
use crate::engine::{Config, Gate, Progress, Resume, run_on};
use crate::error::Error;
use crate::flow::{Flow, FlowIds, NetworkKey};
use crate::index::PacketPlaces;
use crate::jobs::given::Given;

fn distinct(mut ids: Vec<u32>) -> Vec<u32> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Addresses and ports of flows.
pub(super) fn keys_of(flows: &[Flow]) -> Vec<NetworkKey> {
    flows.iter().map(|it| it.key.network).collect()
}

/// The packets of some flows.
pub(super) struct Excerpts<'a> {
    carving: &'a Carving<'a>,
    plan: Plan,
    offsets: Vec<Vec<u64>>,
    places: PacketPlaces,
}

impl<'a> Excerpts<'a> {
    /// All flows between the endpoints of these, and what else decides about their fragments.
    pub(super) fn between(carving: &'a Carving<'a>, keys: &[NetworkKey]) -> Result<Self, Error> {
        let index = carving.index;
        let plan = carving.workers.install(|| {
            let ids = index.between(keys)?;
            let all = carving.with_fragments(ids.clone(), |_| true)?;
            // Flows that only come for their fragments: conversations are complete, too.
            let mut ids = match all.len() == ids.len() {
                true => all,
                false => index.between(&keys_of(&index.some_flows(&distinct(all))?))?,
            };
            ids = distinct(ids);
            Ok::<_, Error>(Plan {
                flows: index.some_flows(&ids)?,
                ids,
                with_loose: false,
            })
        })?;
        let offsets = carving.offsets(&plan)?;
        let places = carving.workers.install(|| index.packet_places(&offsets))?;
        Ok(Self {
            carving,
            plan,
            offsets,
            places,
        })
    }

    /// FlowIDs, in order.
    pub(super) fn ids(&self) -> &[u32] {
        &self.plan.ids
    }

    /// Gives flows and packets the numbers that they have in the captures.
    pub(super) fn configure(&self, config: &mut Config) {
        config.flow_ids = Some(FlowIds {
            ids: self.plan.ids.as_slice().into(),
            last: self.carving.index.notes().totals.flows,
        });
        config.packet_numbers = Some(self.places.numbers());
    }

    /// The check that the packets are those of the flows; `None` for a run with a filter, as packets
    /// that it leaves out are not counted in flows.
    pub(super) fn expected(&self, config: &Config) -> Option<Expected> {
        let is_filtered = !config.restriction.is_empty();
        (!is_filtered).then(|| self.carving.expected(&self.plan))
    }

    /// Runs the check before a job whose output cannot be withdrawn.
    pub(super) fn check(&self, config: &Config, expected: &mut Expected) -> Result<(), Error> {
        let Given {
            workers, sources, ..
        } = self.given(None)?;
        let (resume, progress) = (Resume::default(), Progress::default());
        let gate = Some(expected as &mut (dyn Gate + Send));
        run_on(workers, config, sources, resume, &mut (), gate, &progress)?;
        Ok(())
    }

    /// What a job reads.
    pub(super) fn given<'b>(
        &'b self,
        gate: Option<&'b mut (dyn Gate + Send)>,
    ) -> Result<Given<'b>, Error> {
        Ok(Given {
            workers: self.carving.workers,
            sources: self.carving.sources(&self.offsets, &mut Vec::new())?,
            inputs: self.carving.captures.paths().to_vec(),
            places: Some(self.places.clone()),
            gate,
        })
    }
}
