//! FLOWS → SELECTION: what is to be looked at, and what is to be extracted.
//!
//! A [`Filter`] decides, on a flow's key, whether a frame is looked at at all; a [`Selection`]
//! picks, among the flows that were found, those whose packets are written out. Both are plain
//! values: the same key gets the same answer wherever it is asked. Conditions on the columns of
//! lists, whatever they list, are a language of their own: [`condition`].

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
