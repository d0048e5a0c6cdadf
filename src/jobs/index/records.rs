//! Application records of an index's captures, of which only some flows are read.

use super::carve::{Captures, Carving, apply_settings};
use super::excerpts::Excerpts;
use crate::engine::{Gate, Progress, Source, Workers};
use crate::error::{Error, ErrorKind};
use crate::flow::{Flow, NetworkKey};
use crate::index::Index;
use crate::jobs::given::Given;
use crate::jobs::sessions::{SessionsJob, SessionsReport, Target, sessions_of};
use crate::output::is_same_file;
use crate::select::condition::Condition;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A query for the records of an index's captures.
#[derive(Debug)]
pub struct SessionsIndexJob {
    /// The index.
    pub index: PathBuf,
    /// Moved captures: old and new locations.
    pub relocated: Vec<(PathBuf, PathBuf)>,
    /// The condition that flows meet; all flows between their endpoints are read, too.
    pub condition: Option<Condition>,
    /// The sessions job. The index decides how flows are keyed.
    pub job: SessionsJob,
}

/// Writes the records of an index's captures. With a condition, only the packets of the flows that
/// meet it, and of others between the same endpoints, are read.
///
/// # Errors
/// When the index cannot be read, a capture was changed, or an output cannot be written.
pub fn sessions_by_index(
    request: SessionsIndexJob,
    stdout: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<SessionsReport, Error> {
    let SessionsIndexJob {
        index: path,
        relocated,
        condition,
        mut job,
    } = request;
    let workers = Workers::new(&job.config.tuning)?;
    let index = workers.install(|| Index::open(&path))?;
    check_outputs(&index, &job)?;
    apply_settings(&index.notes().settings, &mut job.config);
    let captures = Captures::new(&index, &relocated)?;
    let query = Query {
        carving: Carving {
            index: &index,
            captures: &captures,
            workers: &workers,
        },
        progress,
    };
    let mut report = match condition {
        Some(condition) => query.some(job, &condition, stdout),
        None => query.all(job, stdout),
    }?;
    let notes = index.notes().captures.iter();
    report.damages = notes.filter_map(|it| it.damage.clone()).collect();
    Ok(report)
}

struct Query<'a> {
    carving: Carving<'a>,
    progress: &'a Progress,
}

impl Query<'_> {
    /// Reads the captures as a whole.
    fn all(
        &self,
        job: SessionsJob,
        stdout: &mut (dyn Write + Send),
    ) -> Result<SessionsReport, Error> {
        let captures = self.carving.captures.all()?;
        let sources = captures.into_iter().map(Source::Path);
        let given = Given::whole(self.carving.workers, sources.collect());
        sessions_of(job, given, stdout, self.progress)
    }

    /// Reads the flows that meet a condition, and the others between their endpoints.
    fn some(
        &self,
        mut job: SessionsJob,
        condition: &Condition,
        stdout: &mut (dyn Write + Send),
    ) -> Result<SessionsReport, Error> {
        let workers = self.carving.workers;
        let keys = workers.install(|| self.keys(&job, condition))?;
        let excerpts = Excerpts::between(&self.carving, &keys)?;
        excerpts.configure(&mut job.config);
        let mut expected = excerpts.expected(&job.config);
        // Output to pipes and devices cannot be withdrawn.
        if let Some(expected) = expected.as_mut().filter(|_| writes_at_once(&job.target)) {
            excerpts.check(&job.config, expected)?;
        }
        let gate = expected.as_mut().map(|it| it as &mut (dyn Gate + Send));
        sessions_of(job, excerpts.given(gate)?, stdout, self.progress)
    }

    /// The endpoints of the flows that meet a condition, and may have packets that pass the filter.
    fn keys(&self, job: &SessionsJob, condition: &Condition) -> Result<Vec<NetworkKey>, Error> {
        let index = self.carving.index;
        let flows = index.some_flows(&index.matching(condition)?)?;
        let restriction = &job.config.restriction;
        let may_pass = |flow: &&Flow| {
            let network = Some(&flow.key.network);
            job.config.asks_each_packet() || restriction.matches(&flow.key.link, network)
        };
        let keys = flows.iter().filter(may_pass).map(|it| it.key.network);
        Ok(keys.collect())
    }
}

/// Whether records are seen before the run has ended.
fn writes_at_once(target: &Target) -> bool {
    match target {
        Target::Stdout => true,
        Target::File(path) => path.metadata().is_ok_and(|it| !it.is_file()),
        Target::Folder(_) => false,
    }
}

/// Checks that no output replaces the index.
fn check_outputs(index: &Index, job: &SessionsJob) -> Result<(), Error> {
    let file = match &job.target {
        Target::File(path) => Some(path.as_path()),
        Target::Stdout | Target::Folder(_) => None,
    };
    let is_of_index = |output: &Path| index.files().any(|it| is_same_file(&it, output));
    let mut outputs = file.into_iter().chain(job.stats.as_deref());
    match outputs.find(|it| is_of_index(it)) {
        Some(output) => Err(ErrorKind::OutputIsInput {
            path: output.to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}
