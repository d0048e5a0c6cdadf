//! From what is named to the inputs of a run: captures in folders, and their order.

use super::folder::{LeftOut, captures_in};
use super::progress::Progress;
use super::source::Source;
use crate::capture::{FirstLook, Merge, MergePart, Nanos};
use crate::error::{Error, ErrorKind};
use std::path::PathBuf;

/// The order in which captures are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputOrder {
    /// One after the other, by the times of their first packets.
    #[default]
    ByFirstPacket,
    /// One after the other, as they are named.
    AsGiven,
    /// All at a time, packet by packet: as one input.
    Merged,
}

/// Inputs in the order in which they are read.
#[derive(Debug, Default)]
pub struct Arranged {
    /// The inputs.
    pub sources: Vec<Source>,
    /// Of how many the place is not the one that was given.
    pub moved: usize,
    /// What of folders is not read: of those of which something is not.
    pub left_out: Vec<LeftOut>,
}

/// Replaces folders by the captures in them, in the order of their names (also of folders in them if
/// `recursive` says so), and puts captures in order.
///
/// Of regular files, the first bytes are looked at where their order depends on it. Pipes and other streams
/// keep their places, and so do captures without packets; of those with equal times, the one that was
/// named first is read first.
///
/// # Errors
/// When a folder cannot be read, or has no captures, and when the run is cancelled.
pub fn arrange(
    sources: Vec<Source>,
    order: InputOrder,
    recursive: bool,
    progress: &Progress,
) -> Result<Arranged, Error> {
    let (named, left_out) = expand(sources, recursive)?;
    let looks = order != InputOrder::AsGiven && named.len() > 1;
    let mut inputs = Vec::with_capacity(named.len());
    for (source, look) in named {
        progress.check()?;
        // What cannot be read is told when its turn comes.
        let look = look.or_else(|| if looks { look_at(&source) } else { None });
        inputs.push((source, look));
    }
    let (sources, moved) = match order {
        InputOrder::AsGiven => (inputs.into_iter().map(|it| it.0).collect(), 0),
        InputOrder::ByFirstPacket => by_first_packet(inputs),
        InputOrder::Merged if inputs.len() > 1 => (vec![merged(inputs)], 0),
        InputOrder::Merged => (inputs.into_iter().map(|it| it.0).collect(), 0),
    };
    Ok(Arranged {
        sources,
        moved,
        left_out,
    })
}

/// An input, and what its first bytes tell, where these were looked at.
type Looked = (Source, Option<FirstLook>);

/// Replaces folders by what is in them.
fn expand(sources: Vec<Source>, recursive: bool) -> Result<(Vec<Looked>, Vec<LeftOut>), Error> {
    let mut inputs = Vec::with_capacity(sources.len());
    let mut all_left_out = Vec::new();
    for source in sources {
        let folder = match &source {
            Source::Path(path) if path.is_dir() => path.clone(),
            _ => {
                inputs.push((source, None));
                continue;
            }
        };
        let (captures, left_out) = captures_in(&folder, recursive)?;
        if captures.is_empty() {
            return Err(no_captures(left_out));
        }
        let looked = captures.into_iter();
        inputs.extend(looked.map(|(path, look)| (Source::Path(path), Some(look))));
        if left_out.is_any() {
            all_left_out.push(left_out);
        }
    }
    Ok((inputs, all_left_out))
}

/// The error of a folder without captures: that of a file that cannot be read, if there is one.
fn no_captures(left_out: LeftOut) -> Error {
    left_out.first_unreadable.unwrap_or_else(|| {
        ErrorKind::NoCaptures {
            folder: left_out.folder,
            folders: left_out.folders,
        }
        .into()
    })
}

fn look_at(source: &Source) -> Option<FirstLook> {
    let path = file_of(source)?;
    FirstLook::at(&path).ok()
}

/// The regular file that an input is read from; `None` of what can be read only once.
fn file_of(source: &Source) -> Option<PathBuf> {
    match source {
        Source::Path(path) if path.is_file() => Some(path.clone()),
        _ => None,
    }
}

/// Puts inputs in order, and counts those whose place is another one then.
fn by_first_packet(inputs: Vec<Looked>) -> (Vec<Source>, usize) {
    let times: Vec<Option<Nanos>> = inputs
        .iter()
        .map(|(_, look)| look.as_ref().and_then(|it| it.time))
        .collect();
    let order = order_of(&times);
    let moved = order.iter().enumerate().filter(|(at, from)| at != *from);
    let moved = moved.count();
    let mut sources: Vec<Option<Source>> = inputs.into_iter().map(|it| Some(it.0)).collect();
    let sources = order
        .iter()
        .filter_map(|&from| sources.get_mut(from)?.take())
        .collect();
    (sources, moved)
}

/// For each place, which of the inputs goes there: those that have a time in its order, all others
/// where they are.
fn order_of(times: &[Option<Nanos>]) -> Vec<usize> {
    let timed = times.iter().enumerate();
    let mut timed: Vec<(Nanos, usize)> = timed
        .filter_map(|(number, time)| Some(((*time)?, number)))
        .collect();
    // Numbers decide between equal times.
    timed.sort_unstable();
    let mut timed = timed.into_iter().map(|(_, number)| number);
    let places = times.iter().enumerate();
    places
        .map(|(number, time)| match time {
            Some(_) => timed.next().unwrap_or(number),
            None => number,
        })
        .collect()
}

fn merged(inputs: Vec<Looked>) -> Source {
    let mut parts = Vec::with_capacity(inputs.len());
    for (source, look) in inputs {
        match source {
            Source::Path(path) => parts.push(MergePart::path(&path, look)),
            Source::Reader(name, reader) => parts.push(MergePart::reader(&name, reader)),
            Source::Input(input) => parts.push(MergePart::input(input)),
            Source::Merged(merge) => parts.extend(merge.into_parts()),
        }
    }
    Source::Merged(Merge::new(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(times: &[Option<i64>]) -> Vec<usize> {
        let times: Vec<_> = times.iter().map(|it| it.map(Nanos)).collect();
        order_of(&times)
    }

    #[test]
    fn captures_are_put_in_the_order_of_their_times() {
        assert_eq!(order(&[Some(3), Some(1), Some(2)]), [1, 2, 0]);
        assert_eq!(order(&[Some(1), Some(2)]), [0, 1]);
        assert_eq!(order(&[]), [0; 0]);
    }

    #[test]
    fn equal_times_keep_their_order() {
        assert_eq!(order(&[Some(2), Some(1), Some(2), Some(1)]), [1, 3, 0, 2]);
    }

    #[test]
    fn what_has_no_time_keeps_its_place() {
        assert_eq!(
            order(&[None, Some(2), None, Some(1), None]),
            [0, 3, 2, 1, 4]
        );
    }
}
