//! What is read: its order, what is left out, and how far it is read.

use super::config::Inputs;
use super::progress::ProgressLine;
use super::report::say;
use super::values::ProgressArg;
use pcap_flows::capture::known_len;
use pcap_flows::engine::{Arranged, LeftOut, Progress, Source, arrange};
use pcap_flows::error::Error;
use pcap_flows::error::ShownPath;
use std::fs::File;
use std::sync::Arc;

/// Inputs that are ready to be read.
pub(super) struct Ready {
    pub(super) sources: Vec<Source>,
    /// Whether folders held something that cannot be read.
    pub(super) lacks_some: bool,
}

/// Looks into folders and puts captures in order, and says what a user might not expect of that.
pub(super) fn ready(inputs: Inputs, progress: &Progress) -> Result<Ready, Error> {
    let Inputs {
        sources,
        order,
        recursive,
    } = inputs;
    check_files(&sources)?;
    let Arranged {
        sources,
        moved,
        left_out,
    } = arrange(sources, order, recursive, progress)?;
    left_out.iter().for_each(say_left_out);
    if moved > 0 {
        say_order(&sources, moved);
    }
    Ok(Ready {
        sources,
        lacks_some: left_out.iter().any(|it| it.unreadable > 0),
    })
}

fn say_order(sources: &[Source], moved: usize) {
    let name = |source: Option<&Source>| match source {
        Some(Source::Reader(name, _)) => name.clone(),
        Some(source) => source
            .path()
            .map_or_else(String::new, |it| it.shown().to_string()),
        None => String::new(),
    };
    say(&format!(
        "captures are read in the order of their first packets, from {} to {}, not as given: {moved} of {} \
         change places (--as-given keeps the order)",
        name(sources.first()),
        name(sources.last()),
        sources.len()
    ));
}

fn say_left_out(left_out: &LeftOut) {
    let LeftOut {
        folder,
        others,
        first_other,
        unreadable,
        first_unreadable,
        folders,
    } = left_out;
    let folder = folder.shown();
    if let Some(first) = first_other {
        say(&format!(
            "{folder}: {} left out, no captures: {}",
            are(*others, "file is", "files are"),
            named(&first.shown().to_string(), *others)
        ));
    }
    if let Some(first) = first_unreadable {
        say(&format!(
            "{folder}: {} not read: {}",
            are(*unreadable, "file or folder is", "files or folders are"),
            named(&first.to_string(), *unreadable)
        ));
    }
    if *folders > 0 {
        say(&format!(
            "{folder}: {} not looked into (--recursive does)",
            are(*folders, "folder in it is", "folders in it are")
        ));
    }
}

fn are(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first of several.
fn named(first: &str, count: u64) -> String {
    if count == 1 {
        first.to_owned()
    } else {
        format!("{first}, and {} more", count - 1)
    }
}

/// Does some work on inputs while a line shows how far it is. `times`: how often they are read.
pub(super) fn with_progress<T>(
    when: ProgressArg,
    sources: Vec<Source>,
    times: u64,
    progress: &Arc<Progress>,
    work: impl FnOnce(Vec<Source>) -> Result<T, Error>,
) -> Result<T, Error> {
    let len = |source: &Source| match source {
        Source::Path(path) => known_len(path),
        Source::Reader(..) | Source::Input(_) | Source::Merged(_) => None,
    };
    let len: Option<u64> = sources.iter().map(len).sum();
    let len = len.and_then(|it| it.checked_mul(times));
    let line = ProgressLine::start(when, len, progress);
    let outcome = work(sources);
    if let Some(line) = line {
        line.finish(outcome.is_ok());
    }
    outcome
}

/// Files that are not there show before anything is read or written.
fn check_files(sources: &[Source]) -> Result<(), Error> {
    for source in sources {
        let Source::Path(path) = source else { continue };
        let failed = |error| Error::io("open", path, error);
        let metadata = path.metadata().map_err(failed)?;
        if metadata.is_file() {
            File::open(path).map_err(failed)?;
        }
    }
    Ok(())
}
