//! Names for ports and IP protocols.
//!
//! The tables are built in (those of protocols are in `decode`), so that a filter means the same on
//! every machine: nothing is read from `/etc/services` and `/etc/protocols`. They hold what one
//! meets in captures; for anything else there are numbers.

use crate::decode::IpProtocol;

/// The port of a service, whatever the transport protocol.
pub(super) fn service_port(name: &str) -> Option<u16> {
    SERVICES
        .iter()
        .find(|(service, _)| *service == name)
        .map(|(_, port)| *port)
}

/// The number of an IP protocol.
pub(super) fn protocol_number(name: &str) -> Option<u8> {
    IpProtocol::from_name(name).map(|protocol| protocol.0)
}

/// From the IANA service name and port number registry, with the aliases that are usual in
/// `/etc/services`.
const SERVICES: &[(&str, u16)] = &[
    ("echo", 7),
    ("discard", 9),
    ("daytime", 13),
    ("chargen", 19),
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("time", 37),
    ("whois", 43),
    ("tacacs", 49),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("gopher", 70),
    ("finger", 79),
    ("http", 80),
    ("www", 80),
    ("kerberos", 88),
    ("iso-tsap", 102),
    ("pop3", 110),
    ("sunrpc", 111),
    ("portmapper", 111),
    ("nntp", 119),
    ("ntp", 123),
    ("epmap", 135),
    ("netbios-ns", 137),
    ("netbios-dgm", 138),
    ("netbios-ssn", 139),
    ("imap", 143),
    ("imap2", 143),
    ("snmp", 161),
    ("snmp-trap", 162),
    ("snmptrap", 162),
    ("bgp", 179),
    ("ldap", 389),
    ("https", 443),
    ("microsoft-ds", 445),
    ("kpasswd", 464),
    ("smtps", 465),
    ("submissions", 465),
    ("isakmp", 500),
    ("syslog", 514),
    ("rtsp", 554),
    ("submission", 587),
    ("ipp", 631),
    ("ldaps", 636),
    ("ldp", 646),
    ("domain-s", 853),
    ("rsync", 873),
    ("ftps-data", 989),
    ("ftps", 990),
    ("telnets", 992),
    ("imaps", 993),
    ("pop3s", 995),
    ("socks", 1080),
    ("openvpn", 1194),
    ("ms-sql-s", 1433),
    ("ms-sql-m", 1434),
    ("l2f", 1701),
    ("l2tp", 1701),
    ("radius", 1812),
    ("radius-acct", 1813),
    ("mqtt", 1883),
    ("nfs", 2049),
    ("gtp-control", 2123),
    ("gtp-user", 2152),
    ("mysql", 3306),
    ("ms-wbt-server", 3389),
    ("svn", 3690),
    ("ipsec-nat-t", 4500),
    ("vxlan", 4789),
    ("sip", 5060),
    ("sip-tls", 5061),
    ("sips", 5061),
    ("xmpp-client", 5222),
    ("xmpp-server", 5269),
    ("mdns", 5353),
    ("postgresql", 5432),
    ("postgres", 5432),
    ("amqps", 5671),
    ("amqp", 5672),
    ("x11", 6000),
    ("geneve", 6081),
    ("redis", 6379),
    ("syslog-tls", 6514),
    ("ircd", 6667),
    ("http-alt", 8080),
    ("webcache", 8080),
    ("secure-mqtt", 8883),
    ("git", 9418),
    ("zabbix-agent", 10050),
    ("zabbix-trapper", 10051),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_and_unknown() {
        assert_eq!(service_port("http"), Some(80));
        assert_eq!(service_port("HTTP"), None);
        assert_eq!(protocol_number("gre"), Some(47));
        assert_eq!(protocol_number("http"), None);
    }

    #[test]
    fn no_name_stands_for_two_numbers_and_tables_are_sorted() {
        fn check<N: Copy + Ord>(table: &[(&str, N)]) {
            assert!(table.is_sorted_by_key(|(_, number)| *number));
            let mut names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        }
        check(SERVICES);
    }
}
