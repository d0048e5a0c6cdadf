//! The keys of RDP connection requests.

use super::{Value, Visit};
use crate::app::rdp::Rdp;

pub(super) fn fields(rdp: &Rdp, visit: &mut Visit<'_>) {
    let cookie = rdp.cookie.as_deref().or(rdp.token.as_deref());
    if let Some(cookie) = cookie {
        visit("cookie", Value::Text(cookie));
    }
    if let Some(user) = rdp.user() {
        visit("user", Value::Text(user));
    }
    if let Some(routing) = rdp.routing() {
        visit("routing", Value::Str(&routing));
    }
    let numbers = [
        ("protocols", rdp.protocols),
        ("selected", rdp.selected),
        ("failure", rdp.failure),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            visit(name, Value::Number(number.into()));
        }
    }
}
