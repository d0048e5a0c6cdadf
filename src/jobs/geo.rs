//! Where addresses are: databases in MaxMind's format (<https://maxmind.github.io/MaxMind-DB/>).

use crate::error::Error;
use maxminddb::Reader;
use serde::Deserialize;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Databases of cities, countries or autonomous systems.
#[derive(Debug, Default)]
pub(crate) struct Geo(Vec<Reader<Vec<u8>>>);

/// What is known of where an address is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) city: Option<String>,
    pub(crate) region: Option<String>,
    /// The name of the country.
    pub(crate) country: Option<String>,
    /// Its two letters (ISO 3166-1).
    pub(crate) country_code: Option<String>,
    /// The number of the autonomous system.
    pub(crate) asn: Option<u32>,
    /// Whose that is.
    pub(crate) organization: Option<String>,
}

/// What of a database's record is of use.
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
    /// When one cannot be read, or is none.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let open = |path: &PathBuf| {
            let bytes = std::fs::read(path).map_err(|error| failed(path, error))?;
            Reader::from_source(bytes)
                .map_err(|error| failed(path, io::Error::new(io::ErrorKind::InvalidData, error)))
        };
        paths.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// What the databases say of an address; of two that say something, the first one counts.
    pub(crate) fn find(&self, address: IpAddr) -> Location {
        let mut location = Location::default();
        for reader in &self.0 {
            let found = reader.lookup(address).and_then(|it| it.decode::<Entry>());
            // A record that is damaged says nothing.
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

/// `city-region-country-AS64500`, with `None` for what is not known; `NONE` if nothing is.
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
