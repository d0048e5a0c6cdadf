//! Writing an index.

use super::columns;
use super::connections::{connections_path, is_connection_table};
use super::notes::{Notes, PartNote};
use super::packets::{self, Postings};
use super::summary::Summary;
use crate::error::Error;
use crate::flow::{Flow, Flows};
use crate::output::parquet::{ParquetFile, ROWS_IN_GROUP, Storage};
use crate::output::table::Columns;
use crate::output::{OutputFile, is_same_file};
use std::io;
use std::path::{Path, PathBuf};

/// An index that is being written: complete under its name, or not there.
pub struct IndexWriter {
    path: PathBuf,
    flows: OutputFile,
    part: ParquetFile<OutputFile>,
    part_path: PathBuf,
    /// Files with packets that an older index of that name has.
    stale: Vec<PathBuf>,
    /// Those that this one goes on with.
    kept: Vec<PartNote>,
    columns: Columns,
}

impl std::fmt::Debug for IndexWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexWriter")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl IndexWriter {
    /// Starts an index, or one that goes on with the parts of an older one. `inputs` are files
    /// that must not be overwritten.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn create<'a>(
        path: &Path,
        inputs: impl IntoIterator<Item = &'a Path> + Clone,
        columns: Columns,
        kept: Vec<PartNote>,
    ) -> Result<Self, Error> {
        let flows = OutputFile::create(path, inputs.clone())?;
        let existing = parts_of(path)?;
        let number = existing
            .iter()
            .map(|(number, _)| *number)
            .max()
            .unwrap_or(0)
            + 1;
        let part_path = part_path(path, number);
        let is_kept = |path: &PathBuf| {
            let name = path.file_name().map(|it| it.to_string_lossy());
            kept.iter().any(|part| name.as_deref() == Some(&part.file))
        };
        let is_input = |path: &PathBuf| inputs.clone().into_iter().any(|it| is_same_file(it, path));
        let stale = existing
            .into_iter()
            .map(|(_, path)| path)
            .filter(|it| !is_kept(it) && !is_input(it));
        let stale: Vec<PathBuf> = stale.collect();
        let storage = Storage {
            deltas: &[packets::FLOW_ID, packets::OFFSETS],
            without_statistics: &[packets::OFFSETS],
            ..Storage::default()
        };
        let out = OutputFile::create(&part_path, inputs)?;
        let part = ParquetFile::new(out, &packets::schema(), storage)
            .map_err(|error| Error::io("write", &part_path, error))?;
        Ok(Self {
            path: path.to_owned(),
            flows,
            part,
            part_path,
            stale,
            kept,
            columns,
        })
    }

    /// Writes the places of a stretch's packets: those of each shard, and those of no flow as the
    /// last. `captures` has the start of each capture that may have some, from the stretch's
    /// start, and its number; `id_of` tells the id of a shard's flow.
    ///
    /// # Errors
    /// When writing fails.
    pub fn stretch(
        &mut self,
        shards: &[Postings],
        captures: &[(i64, u32)],
        id_of: impl Fn(usize, u32) -> u64 + Sync,
    ) -> Result<(), Error> {
        let rows = packets::rows(shards, id_of, captures);
        let groups = packets::groups(&rows, ROWS_IN_GROUP);
        let schema = packets::schema();
        let batch = |number: usize| {
            let rows = groups.get(number).copied().unwrap_or_default();
            packets::batch(&schema, rows)
        };
        self.part
            .write(groups.len(), batch)
            .map_err(|error| Error::io("write", &self.part_path, error))
    }

    /// Writes the flows, with a summary of each, and renames all files to their final names,
    /// including `connections`. The file that names the others comes last; it lists them as parts.
    ///
    /// # Errors
    /// When writing fails; then there is no index, or the one that was there.
    pub fn finish<'s>(
        self,
        flows: &dyn Flows,
        summary: impl Fn(u64) -> Option<(&'s Summary, Option<&'s str>)> + Sync,
        notes: Notes,
        connections: Option<OutputFile>,
    ) -> Result<(), Error> {
        let Self {
            path,
            flows: out,
            mut part,
            part_path,
            mut stale,
            kept,
            columns,
        } = self;
        let file_name = |path: &Path| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let mut note = PartNote {
            file: file_name(&part_path),
            size: 0,
            digest: notes.digest(),
        };
        part.note(Notes::PART_KEY, note.digest.clone());
        let failed = |error| Error::io("write", &part_path, error);
        // Where no packets came, no file is added to those with places.
        let has_rows = part.has_rows() || kept.is_empty();
        let mut part = part.finish().map_err(failed)?;
        note.size = part.len().map_err(failed)?;
        let note = has_rows.then_some(note);

        let failed = |error| Error::io("write", &path, error);
        let mut notes = notes;
        notes.parts = kept.into_iter().chain(note).collect();
        let mut file = flow_rows(out, flows, summary, columns).map_err(failed)?;
        let notes = serde_json::to_string(&notes)
            .map_err(io::Error::other)
            .map_err(failed)?;
        file.note(Notes::KEY, notes);
        let out = file.finish().map_err(failed)?;
        if has_rows {
            part.finish()?;
        }
        match connections {
            Some(file) => file.finish()?,
            None => {
                let before = Some(connections_path(&path));
                stale.extend(before.filter(|it| is_connection_table(it)));
            }
        }
        out.finish()?;
        // What is left of an older index is in nobody's way.
        for path in stale {
            std::fs::remove_file(path).unwrap_or(());
        }
        Ok(())
    }
}

fn flow_rows<'s>(
    out: OutputFile,
    flows: &dyn Flows,
    summary: impl Fn(u64) -> Option<(&'s Summary, Option<&'s str>)> + Sync,
    columns: Columns,
) -> io::Result<ParquetFile<OutputFile>> {
    let schema = columns::schema(columns);
    let mut file = ParquetFile::new(out, &schema, columns::STORAGE)?;
    let ids = usize::try_from(flows.last_id()).map_err(io::Error::other)?;
    let none = Summary::default();
    file.write(ids.div_ceil(ROWS_IN_GROUP), |group| {
        let first = group * ROWS_IN_GROUP;
        let ids = (first..ids.min(first + ROWS_IN_GROUP)).map(|it| it as u64 + 1);
        let row = |id| {
            let flow: Flow = flows.get(id)?;
            let (summary, name) = summary(id).unwrap_or((&none, None));
            Some((flow, summary, name))
        };
        let rows: Vec<_> = ids.filter_map(row).collect();
        columns::batch(&schema, columns, &rows)
    })?;
    Ok(file)
}

/// Where the packets of an index are.
pub(super) fn part_path(index: &Path, number: u64) -> PathBuf {
    let mut name = index.as_os_str().to_owned();
    name.push(format!("{PART_INFIX}{number}"));
    name.into()
}

/// The files with packets that stand beside an index, with their numbers. Where these cannot be
/// known, a new one might take the place of one that is needed.
fn parts_of(index: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let folder = match index.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let own = index
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let number = |name: &str| {
        let number = name.strip_prefix(&own)?.strip_prefix(PART_INFIX)?;
        number.parse::<u64>().ok()
    };
    let failed = |error| Error::io("read", folder, error);
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if let Some(number) = name.to_str().and_then(number) {
            parts.push((number, part_path(index, number)));
        }
    }
    Ok(parts)
}

const PART_INFIX: &str = ".packets-";
