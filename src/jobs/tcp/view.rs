//! The columns of what is shown.

use super::beside::BESIDE_COLUMNS;
use super::bins::BIN_COLUMNS;
use super::columns::columns;
use super::concurrency::OPEN_COLUMNS;
use super::options::View;
use super::packets::PACKET_COLUMNS;
use crate::output::rows::Column;

/// The columns of a view, in order; none where it is no table.
pub fn view_columns(view: &View) -> &'static [Column] {
    match view {
        View::Connections | View::OpenAt(_) => columns(),
        View::Concurrency(..) => &OPEN_COLUMNS,
        View::Beside => &BESIDE_COLUMNS,
        View::Packets(_) => &PACKET_COLUMNS,
        View::Bins(..) => &BIN_COLUMNS,
        View::Explained(_) | View::Plotted(..) => &[],
    }
}
