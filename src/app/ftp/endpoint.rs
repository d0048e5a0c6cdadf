//! Addresses of data connections: PORT and PASV (RFC 959), EPRT and EPSV (RFC 2428).

use crate::app::transfer::DataEndpoint;
use std::net::{IpAddr, Ipv4Addr};

/// The argument of PORT: `192,0,2,1,4,1`.
pub(super) fn port(arg: &[u8]) -> Option<DataEndpoint> {
    six_numbers(arg, false)
}

/// The argument of EPRT: `|2|2001:db8::1|1025|`.
pub(super) fn extended_port(arg: &[u8]) -> Option<DataEndpoint> {
    let (delimiter, rest) = arg.split_first()?;
    let mut parts = rest.split(|it| it == delimiter);
    parts.next()?;
    let address: IpAddr = text(parts.next()?)?.parse().ok()?;
    let port = text(parts.next()?)?.parse().ok()?;
    Some(DataEndpoint {
        address: Some(address),
        port,
        is_passive: false,
    })
}

/// The reply to PASV or EPSV.
pub(super) fn passive(code: u16, reply: &[u8]) -> Option<DataEndpoint> {
    match code {
        227 => {
            // The parentheses may be missing (RFC 1123, section 4.1.2.6).
            let start = reply.iter().position(u8::is_ascii_digit)?;
            six_numbers(reply.get(start..)?, true)
        }
        229 => {
            let start = reply.iter().rposition(|it| *it == b'(')?;
            let (delimiter, rest) = reply.get(start + 1..)?.split_first()?;
            let port = rest.split(|it| it == delimiter).nth(2)?;
            Some(DataEndpoint {
                address: None,
                port: text(port)?.parse().ok()?,
                is_passive: true,
            })
        }
        _ => None,
    }
}

/// Address and port as comma-separated numbers from 0 to 255.
fn six_numbers(bytes: &[u8], is_passive: bool) -> Option<DataEndpoint> {
    let is_other = |it: &u8| !it.is_ascii_digit() && *it != b',' && *it != b' ';
    let end = bytes.iter().position(is_other).unwrap_or(bytes.len());
    let mut numbers = text(bytes.get(..end)?)?.split(',');
    let mut number = || numbers.next()?.trim().parse::<u8>().ok();
    let address = Ipv4Addr::new(number()?, number()?, number()?, number()?);
    let port = u16::from_be_bytes([number()?, number()?]);
    Some(DataEndpoint {
        address: Some(address.into()),
        port,
        is_passive,
    })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(endpoint: Option<DataEndpoint>) -> String {
        endpoint.map_or_else(String::new, |it| {
            let address = it
                .address
                .map_or_else(|| "-".to_owned(), |it| it.to_string());
            format!("{address} {} {}", it.port, it.is_passive)
        })
    }

    #[test]
    fn endpoints() {
        assert_eq!(shown(port(b"192,0,2,1,4,1")), "192.0.2.1 1025 false");
        assert_eq!(
            shown(extended_port(b"|2|2001:db8::1|1025|")),
            "2001:db8::1 1025 false"
        );
        let reply = b"Entering Passive Mode (192,0,2,1,255,255).";
        assert_eq!(shown(passive(227, reply)), "192.0.2.1 65535 true");
        assert_eq!(shown(passive(227, b"=192,0,2,1,0,21")), "192.0.2.1 21 true");
        let reply = b"Entering Extended Passive Mode (|||6446|)";
        assert_eq!(shown(passive(229, reply)), "- 6446 true");
    }

    #[test]
    fn what_is_no_endpoint() {
        for arg in [
            &b""[..],
            b"1,2,3,4,5",
            b"256,0,0,1,0,1",
            b"a",
            b"|",
            b"|1|x|1|",
            b"|||",
        ] {
            assert_eq!(port(arg), None);
            assert_eq!(extended_port(arg), None);
        }
        for reply in [&b""[..], b"(", b"(|||", b"(|||99999|)", b"ok", b"1,2"] {
            assert_eq!(passive(227, reply), None);
            assert_eq!(passive(229, reply), None);
        }
        assert_eq!(passive(500, b"1,2,3,4,5,6"), None);
    }
}
