//! The keys of SSH handshakes.

use super::{Value, Visit};
use crate::app::ssh::Ssh;

pub(super) fn fields(ssh: &Ssh, visit: &mut Visit<'_>) {
    let texts = [
        ("client", ssh.client.as_deref()),
        ("server", ssh.server.as_deref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            visit(name, Value::Text(text));
        }
    }
    for (name, print) in [("hassh", ssh.hassh()), ("hassh_server", ssh.hassh_server())] {
        if let Some(print) = print {
            visit(name, Value::Str(&print));
        }
    }
    for (name, algorithm) in [("kex", ssh.kex()), ("host_key_alg", ssh.host_key())] {
        if let Some(algorithm) = algorithm {
            visit(name, Value::Text(algorithm));
        }
    }
}
