//! Outputs of the TCP job.

use super::beside::Beside;
use super::bins::Bins;
use super::columns::open_columns;
use super::concurrency::Concurrency;
use super::explain::explained;
use super::facts::Place;
use super::open::{open_at, open_at_end};
use super::options::{OpenUntil, Picture, TcpJob, View};
use super::packets::{Packets, Recorded};
use super::plot::{figure, whole_figure};
use super::rows::Connections;
use super::stored::Stored;
use crate::engine::Progress;
use crate::error::Error;
use crate::output::plot::{Figure, html, svg};
use crate::output::rows::{self, Table};
use crate::output::table::KeepGoing;
use crate::output::{OutputFile, STDOUT};
use std::io::{self, Write};

/// The output, and its destination.
pub(super) struct Shown<'a> {
    job: &'a TcpJob,
    output: Option<OutputFile>,
    list: &'a mut (dyn Write + Send),
    progress: &'a Progress,
    /// Whether the reader closed it early.
    is_cut: bool,
}

impl<'a> Shown<'a> {
    pub(super) fn new(
        job: &'a TcpJob,
        output: Option<OutputFile>,
        list: &'a mut (dyn Write + Send),
        progress: &'a Progress,
    ) -> Self {
        Self {
            job,
            output,
            list,
            progress,
            is_cut: false,
        }
    }

    /// Renames the output to its final name. Returns whether the list's reader closed it early.
    pub(super) fn finish(self) -> Result<bool, Error> {
        self.output.map_or(Ok(()), OutputFile::finish)?;
        Ok(self.is_cut)
    }

    /// Writes connections measured in a run.
    pub(super) fn write(
        &mut self,
        mut connections: Connections,
        recorded: &[Recorded],
    ) -> Result<(), Error> {
        let job = self.job;
        match &job.view {
            View::Concurrency(..) | View::Plotted(None, _) => self.whole(&connections),
            View::Packets(_) => self.table(&Packets::new(recorded)),
            View::Bins(_, bin) => self.table(&Bins::new(recorded, *bin)),
            View::Explained(_) => {
                let stories = recorded.iter().map(|it| explained(it, &job.time_zone));
                let text = stories.collect::<Vec<_>>().join("\n");
                self.output(|out, failed, _| out.write_all(text.as_bytes()).map_err(failed))
            }
            View::Plotted(Some(_), picture) => match recorded.first() {
                Some(one) => self.picture(&figure(one), *picture),
                None => Ok(()),
            },
            View::Connections | View::OpenAt(_) | View::Beside => {
                if let View::OpenAt(instant) = &job.view {
                    connections.shown = Some(open_at(&connections, *instant, job.open_until));
                }
                if open_columns().any(|it| job.choice.needs(it)) {
                    connections.measure_open(job.open_until);
                }
                connections.time_zone = job.time_zone.clone();
                self.table(&connections)
            }
        }
    }

    /// Writes connections stored in an index.
    pub(super) fn write_stored(&mut self, mut stored: Stored) -> Result<(), Error> {
        let job = self.job;
        if let View::OpenAt(instant) = &job.view {
            stored.shown = Some(open_at(&stored, *instant, job.open_until));
        }
        match &job.view {
            View::Concurrency(..) | View::Plotted(..) => self.whole(&stored),
            _ => {
                if job.open_until != OpenUntil::default()
                    && open_columns().any(|it| job.choice.needs(it))
                {
                    let shown = stored.shown.take();
                    stored.open = open_at_end(&stored, job.open_until);
                    stored.shown = shown;
                }
                stored.time_zone = job.time_zone.clone();
                self.table(&stored)
            }
        }
    }

    /// Writes a comparison of two captures of the same path.
    pub(super) fn write_beside(
        &mut self,
        near: &Connections,
        far: &Connections,
    ) -> Result<(), Error> {
        self.table(&Beside::new(near, far))
    }

    /// Writes views of all connections together.
    fn whole(&mut self, connections: &impl Table) -> Result<(), Error> {
        let until = self.job.open_until;
        match &self.job.view {
            View::Concurrency(grouping, bin) => {
                self.table(&Concurrency::new(connections, *grouping, *bin, until))
            }
            View::Plotted(_, picture) => self.picture(&whole_figure(connections, until), *picture),
            _ => Ok(()),
        }
    }

    fn picture(&mut self, figure: &Figure, picture: Picture) -> Result<(), Error> {
        self.output(|out, failed, _| {
            let text = match picture {
                Picture::Svg => svg(figure).map_err(failed)?,
                Picture::Html => html(figure),
            };
            out.write_all(text.as_bytes()).map_err(failed)
        })
    }

    fn table(&mut self, table: &impl Table) -> Result<(), Error> {
        let job = self.job;
        self.output(|out, failed, keep_going| {
            rows::write(table, &job.choice, job.format, out, failed, keep_going)
        })
    }

    fn output(
        &mut self,
        write: impl FnOnce(
            &mut (dyn Write + Send),
            &(dyn Fn(io::Error) -> Error + Sync),
            &KeepGoing<'_>,
        ) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let file = self.output.as_ref();
        let path = file.map_or_else(|| STDOUT.as_ref(), |it| it.path());
        let path = path.to_owned();
        let failed = |error| Error::io("write", &path, error);
        let keep_going = || self.progress.check();
        let out: &mut (dyn Write + Send) = match &mut self.output {
            Some(file) => file,
            None => self.list,
        };
        let written = write(out, &failed, &keep_going);
        match written.and_then(|()| out.flush().map_err(failed)) {
            // The reader has closed the output.
            Err(error) if error.is_broken_pipe() => self.is_cut = true,
            written => written?,
        }
        Ok(())
    }
}

/// Whether a view of stored connections needs a column.
pub(super) fn needs_column(job: &TcpJob, column: usize) -> bool {
    let is_looked_at = || Place::ALL.iter().any(|it| it.ordinal() == column);
    match &job.view {
        View::Connections if job.open_until == OpenUntil::default() => {
            job.choice.needs(column) || (job.format.is_for_people() && is_looked_at())
        }
        View::Connections | View::OpenAt(_) => job.choice.needs(column) || is_looked_at(),
        _ => is_looked_at(),
    }
}
