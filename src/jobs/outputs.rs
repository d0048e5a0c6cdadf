//! Outputs of the main job: started before anything is read, so that a wrong name shows at once,
//! and put under their names when nothing else can fail.

use super::options::{ExtractOptions, FlowsJob};
use super::streams::{StreamOptions, is_archive};
use crate::engine::Source;
use crate::error::{Error, ErrorKind};
use crate::output::OutputFile;
use crate::output::capture::{CaptureWriter, common_format};
use std::path::{Path, PathBuf};

/// The outputs of a run but for those of streams, which start their own.
#[derive(Debug)]
pub(super) struct Outputs {
    /// Where the run's statistics go.
    pub(super) stats: Option<OutputFile>,
    /// Where the list goes, if not to standard output.
    pub(super) list: Option<OutputFile>,
    /// Where packets go.
    pub(super) packets: Option<CaptureWriter>,
}

impl Outputs {
    /// Starts what a job names. None of `inputs` is ever replaced.
    ///
    /// # Errors
    /// When two outputs have the same name, or one of them cannot be written.
    pub(super) fn start(
        job: &FlowsJob,
        sources: &mut [Source],
        inputs: &[PathBuf],
    ) -> Result<Self, Error> {
        let create = |path: &Path| OutputFile::create(path, inputs.iter().map(PathBuf::as_path));
        let extract = job.extract.as_ref();
        check_names(
            [job.stats.as_deref(), job.list_output.as_deref()],
            extract,
            job.streams.as_ref(),
        )?;
        let stats = job.stats.as_deref().map(create).transpose()?;
        let list = job.list_output.as_deref().map(create).transpose()?;
        let packets = match extract {
            Some(options) => {
                let formats: Vec<_> = sources.iter_mut().flat_map(Source::formats).collect();
                let wanted = options
                    .format
                    .map_or_else(|| common_format(&formats), |format| format.wanted(&formats));
                let file = create(&options.output)?;
                Some(CaptureWriter::new(file, wanted, options.flush))
            }
            None => None,
        };
        Ok(Self {
            stats,
            list,
            packets,
        })
    }
}

/// No two outputs may be given the same name.
fn check_names(
    tables: [Option<&Path>; 2],
    extract: Option<&ExtractOptions>,
    streams: Option<&StreamOptions>,
) -> Result<(), Error> {
    let protocols = streams.map(|it| [&it.tcp, &it.udp]);
    let mut archives: Vec<&Path> = protocols
        .iter()
        .flatten()
        .filter_map(|protocol| Some(protocol.as_ref()?.output.as_path()))
        .filter(|output| is_archive(output))
        .collect();
    // Both protocols may go to one archive.
    archives.dedup();
    let [stats, list] = tables;
    let others = [
        stats,
        list,
        extract.map(|it| it.output.as_path()),
        streams.and_then(|it| it.manifest.as_deref()),
    ];
    let all: Vec<&Path> = others.into_iter().flatten().chain(archives).collect();
    for (index, path) in all.iter().enumerate() {
        if all
            .iter()
            .skip(index + 1)
            .any(|other| is_same_name(path, other))
        {
            return Err(ErrorKind::OutputTwice {
                path: (*path).to_owned(),
            }
            .into());
        }
    }
    Ok(())
}

/// Whether two outputs would be given the same name.
fn is_same_name(a: &Path, b: &Path) -> bool {
    let folder = |path: &Path| match path.parent() {
        Some(parent) if parent != Path::new("") => parent.canonicalize().ok(),
        _ => Path::new(".").canonicalize().ok(),
    };
    // Devices and pipes take the bytes of both.
    let is_replaced = !a.metadata().is_ok_and(|it| !it.is_file());
    is_replaced && (a == b || (a.file_name() == b.file_name() && folder(a) == folder(b)))
}
