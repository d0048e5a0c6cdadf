//! Durations for people.

/// A duration with a suitable unit.
pub(super) fn duration(ns: i64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1000, "\u{b5}s")];
    let size = ns.unsigned_abs();
    let unit = units.into_iter().find(|(unit, _)| size >= *unit);
    let Some((unit, name)) = unit else {
        return format!("{ns} ns");
    };
    let sign = if ns < 0 { "-" } else { "" };
    let thousandths = (u128::from(size) * 1000 + u128::from(unit) / 2) / u128::from(unit);
    format!(
        "{sign}{}.{:03} {name}",
        thousandths / 1000,
        thousandths % 1000
    )
}
