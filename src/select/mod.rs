//! FLOWS → SELECTION: which packets count, and which are extracted.
//!
//! A [`Filter`] decides, on a flow's key, whether a frame counts at all; a [`Selection`] picks,
//! among the flows that were found, those whose packets are written out. Both are plain values:
//! the same key gets the same answer everywhere. Conditions on the columns of lists are a language
//! of their own: [`condition`]. Sizes and durations are read by [`parse_size`] and
//! [`parse_duration`], in conditions as in options of the command line.

pub mod condition;
mod decimal;
pub mod filter;
mod ids;
mod language;
mod names;
mod net;
mod port;
mod quantity;
mod selection;
mod word;

pub use filter::{Expected, Filter, FilterError, FilterErrorKind};
pub use ids::{IdSet, IdSetError};
pub use language::error::{FaultKind, TextError};
pub use net::{IpNet, IpNetError};
pub use port::{PortError, PortRange};
pub use quantity::{QuantityError, parse_count, parse_duration, parse_size};
pub use selection::Selection;
