//! Where streams go.

use super::options::StreamOptions;
use crate::decode::protocol::UDP;
use crate::error::Error;
use crate::output::OutputFile;
use crate::output::stream::{Archive, Folder};
use std::path::{Path, PathBuf};

/// Where streams go.
#[derive(Debug)]
pub(super) enum Target {
    /// Each to a file of its own.
    Folder(Folder),
    /// All to one archive, at the end.
    Archive(Option<Box<Archive<OutputFile>>>, Spill),
    /// The only one there may be to standard output, at the end.
    Stdout(Option<OutputFile>, Spill),
}

/// Files for what does not fit into memory until the end.
#[derive(Debug)]
pub(super) struct Spill {
    directory: PathBuf,
    folder: Option<Folder>,
}

/// The targets of a run: of each protocol, which one it is.
#[derive(Debug)]
pub(super) struct Targets {
    pub(super) all: Vec<Target>,
    of_tcp: usize,
    of_udp: usize,
}

impl Targets {
    /// Which of them takes a protocol's streams.
    pub(super) const fn of(&self, protocol: u8) -> usize {
        if protocol == UDP {
            self.of_udp
        } else {
            self.of_tcp
        }
    }

    /// Where a file of this name is written: in a directory that is new, before it has its name.
    pub(super) fn place_of(&self, path: &Path) -> PathBuf {
        let folders = self.all.iter().filter_map(|target| match target {
            Target::Folder(folder) => folder.place_of(path),
            Target::Archive(..) | Target::Stdout(..) => None,
        });
        folders
            .into_iter()
            .next()
            .unwrap_or_else(|| path.to_owned())
    }

    /// Starts the outputs that the options name.
    pub(super) fn create(options: &StreamOptions, inputs: &[PathBuf]) -> Result<Self, Error> {
        let mut targets = Self {
            all: Vec::new(),
            of_tcp: 0,
            of_udp: 0,
        };
        let tcp = options.tcp.as_ref().map(|it| it.output.as_path());
        let udp = options.udp.as_ref().map(|it| it.output.as_path());
        // With a slash at the end it is a directory, without one a prefix: paths would be equal.
        let is_shared = tcp.map(Path::as_os_str) == udp.map(Path::as_os_str);
        for output in [tcp, udp].into_iter().flatten() {
            // Both protocols may share one output.
            if is_shared && !targets.all.is_empty() {
                break;
            }
            targets.all.push(Target::create(output, inputs)?);
        }
        if tcp.is_some() && !is_shared {
            targets.of_udp = 1;
        }
        Ok(targets)
    }
}

impl Target {
    fn create(output: &Path, inputs: &[PathBuf]) -> Result<Self, Error> {
        let inputs = inputs.iter().map(PathBuf::as_path);
        if output == Path::new("-") {
            let out = OutputFile::create(output, inputs)?;
            return Ok(Self::Stdout(Some(out), Spill::beside(None)));
        }
        if is_archive(output) {
            let out = OutputFile::create(output, inputs)?;
            let spill = Spill::beside(Some(output));
            return Ok(Self::Archive(
                Some(Box::new(Archive::new(out, output))),
                spill,
            ));
        }
        Folder::create(output, inputs).map(Self::Folder)
    }

    /// Where files are while they are written.
    pub(super) fn folder(&self) -> Option<&Folder> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Archive(_, spill) | Self::Stdout(_, spill) => spill.folder.as_ref(),
        }
    }

    /// Whether streams are written as they come.
    pub(super) const fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// What a file of a stream is called in the manifest.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path_of(name),
            Self::Archive(..) => PathBuf::from(name),
            Self::Stdout(..) => PathBuf::from("-"),
        }
    }

    /// Everything is written: puts it under its name, and removes what was temporary.
    pub(super) fn complete(&mut self) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => folder.complete(),
            Self::Archive(_, spill) | Self::Stdout(_, spill) => {
                spill.folder = None;
                Ok(())
            }
        }
    }

    /// The run has failed: removes what is not complete. `has_complete` says that some files are.
    pub(super) fn abandon(&mut self, has_complete: bool) {
        match self {
            // That a directory cannot be named is not the error to report.
            Self::Folder(folder) if has_complete => drop(folder.complete()),
            Self::Folder(folder) => folder.forget(),
            Self::Archive(archive, spill) => {
                *archive = None;
                spill.folder = None;
            }
            Self::Stdout(_, spill) => spill.folder = None,
        }
    }

    /// Makes files possible for what does not fit into memory.
    pub(super) fn prepare_to_spill(&mut self) -> Result<(), Error> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Archive(_, spill) | Self::Stdout(_, spill) => spill.prepare(),
        }
    }
}

impl Spill {
    fn beside(output: Option<&Path>) -> Self {
        let directory = match output.map(Path::parent) {
            Some(Some(parent)) if !parent.as_os_str().is_empty() => parent.to_owned(),
            Some(_) => PathBuf::from("."),
            None => std::env::temp_dir(),
        };
        Self {
            directory,
            folder: None,
        }
    }

    fn prepare(&mut self) -> Result<(), Error> {
        if self.folder.is_none() {
            self.folder = Some(Folder::create(&self.directory, [])?);
        }
        Ok(())
    }
}

/// Whether an output names a tar archive.
pub fn is_archive(output: &Path) -> bool {
    let ends_with_slash = output.as_os_str().as_encoded_bytes().ends_with(b"/");
    let is_named_so = output
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("tar"));
    is_named_so && !ends_with_slash && !output.is_dir()
}
