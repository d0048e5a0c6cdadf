//! Locations of addresses, from databases in MaxMind's format
//! (<https://maxmind.github.io/MaxMind-DB/>).

use crate::error::Error;
use maxminddb::Reader;
use serde::Deserialize;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Databases of cities, countries or autonomous systems.
#[derive(Debug, Default)]
pub(crate) struct Geo(Vec<Reader<Vec<u8>>>);

/// The known location of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) city: Option<String>,
    pub(crate) region: Option<String>,
    /// The name of the country.
    pub(crate) country: Option<String>,
    /// The country's two-letter code (ISO 3166-1).
    pub(crate) country_code: Option<String>,
    /// The number of the autonomous system.
    pub(crate) asn: Option<u32>,
    /// The organization of the autonomous system.
    pub(crate) organization: Option<String>,
}

/// The fields read from a database record.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    city: Named,
    subdivisions: Vec<Named>,
    country: Named,
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    iso_code: Option<String>,
    names: Names,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names {
    en: Option<String>,
}

impl Geo {
    /// Opens databases.
    ///
    /// # Errors
    /// When a file cannot be read or is not a database.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let open = |path: &PathBuf| {
            let bytes = std::fs::read(path).map_err(|error| failed(path, error))?;
            Reader::from_source(bytes)
                .map_err(|error| failed(path, io::Error::new(io::ErrorKind::InvalidData, error)))
        };
        paths.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// Looks up an address in all databases. The first one with a value wins.
    pub(crate) fn find(&self, address: IpAddr) -> Location {
        let mut location = Location::default();
        for reader in &self.0 {
            let found = reader.lookup(address).and_then(|it| it.decode::<Entry>());
            // Damaged records are ignored.
            if let Ok(Some(entry)) = found {
                location.add(entry);
            }
        }
        location
    }
}

impl Location {
    fn add(&mut self, entry: Entry) {
        let region = entry.subdivisions.into_iter().next().unwrap_or_default();
        let parts = [
            (&mut self.city, entry.city.names.en),
            (&mut self.region, region.names.en),
            (&mut self.country, entry.country.names.en),
            (&mut self.country_code, entry.country.iso_code),
            (&mut self.organization, entry.autonomous_system_organization),
        ];
        for (part, found) in parts {
            if part.is_none() {
                *part = found;
            }
        }
        self.asn = self.asn.or(entry.autonomous_system_number);
    }
}

/// `city-region-country-AS64500`, with `None` for unknown parts; `NONE` if all are unknown.
impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::default() {
            return f.write_str("NONE");
        }
        for part in [&self.city, &self.region, &self.country] {
            write!(f, "{}-", part.as_deref().unwrap_or("None"))?;
        }
        match self.asn {
            Some(number) => write!(f, "AS{number}"),
            None => f.write_str("None"),
        }
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::io("read", path, source)
}
