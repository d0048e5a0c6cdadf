//! Every fault of a filter, with its place.

use super::{Filter, FilterErrorKind};

/// Reads pairs of lines: a filter, and under it a caret at the place of its fault, followed by the
/// begin of the message.
fn faults(table: &str) {
    let lines: Vec<&str> = table.trim_matches('\n').lines().collect();
    for pair in lines.chunks(2) {
        let [text, fault] = pair else {
            panic!("{pair:?}")
        };
        let (before, message) = fault.split_once("^ ").unwrap();
        let error = Filter::parse(text).unwrap_err();
        assert_eq!(error.offset(), before.len(), "{error}");
        assert_eq!(error.text(), *text);
        let shown = error.kind().to_string();
        assert!(shown.starts_with(message), "{text:?} gave {shown:?}");
    }
}

#[test]
fn something_is_missing() {
    faults(
        r"
tcp port
        ^ expected a port number or the name of a service here
tcp port and net 10
         ^ expected a port number or the name of a service
portrange or
          ^ expected a port range such as 1000-2000 here
host
    ^ expected an IP address here
host tcp
     ^ expected an IP address here
src port port
         ^ expected a port number or the name of a service here
src
   ^ expected an IP address here
net )
    ^ expected a network such as 10.0.0.0/8 or 2001:db8::/32 here
net 10/
       ^ expected a prefix length here
net 10.0.0.0 mask
                 ^ expected an IPv4 mask such as
proto
     ^ expected a protocol number or name here
proto vlan
      ^ expected a protocol number or name here
ether
     ^ expected 'host', 'src' or 'dst' and a MAC address after 'ether' here
ether host
          ^ expected a MAC address here
src or host 10.0.0.1
       ^ expected 'src or dst' or 'src and dst' here
src or src 10.0.0.1
       ^ expected 'src or dst' or 'src and dst' here
vlan x
     ^ expected a VLAN id (0 to 4095) here
",
    );
}

#[test]
fn a_condition_is_missing() {
    faults(
        r"
not
   ^ expected a condition such as 'tcp port 443'
tcp and
       ^ expected a condition such as 'tcp port 443'
tcp or or udp
       ^ expected a condition such as 'tcp port 443'
and tcp
^ expected a condition such as 'tcp port 443'
()
 ^ expected a condition such as 'tcp port 443'
(
 ^ expected a condition such as 'tcp port 443'
tcp and )
        ^ expected a condition such as 'tcp port 443'
)
^ expected a condition such as 'tcp port 443'
/8
^ expected a condition such as 'tcp port 443'
mask 255.0.0.0
^ expected a condition such as 'tcp port 443'
",
    );
}

#[test]
fn an_operator_is_missing() {
    faults(
        r"
tcp udp
    ^ expected 'and', 'or' or the end of the filter here
host 10.0.0.1 10.0.0.2
              ^ expected 'and', 'or' or the end of
icmp host 10.0.0.1
     ^ expected 'and', 'or' or the end of the filter here
port 80/tcp
       ^ expected 'and', 'or' or the end of the filter here
tcp not udp
    ^ expected 'and', 'or' or the end of the filter here
tcp (udp)
    ^ expected 'and', 'or' or the end of the filter here
(tcp udp)
     ^ expected 'and', 'or' or ')' here
",
    );
}

#[test]
fn parentheses_that_do_not_match() {
    faults(
        r"
(tcp
^ this '(' is never closed
tcp and (udp or (ip)
        ^ this '(' is never closed
port (80 or 443
     ^ this '(' is never closed
tcp)
   ^ this ')' closes nothing
(tcp) and udp) or (ip
             ^ this ')' closes nothing
",
    );
}

#[test]
fn only_values_stand_in_parentheses_behind_qualifiers() {
    faults(
        r"
port (80 or udp)
            ^ expected a port number or the name of a service
host (10.0.0.1 or port 80)
                  ^ expected an IP address here
port (80 or (443 or tcp))
                    ^ expected a port number or
port ()
      ^ expected a port number or the name of a service here
port not
        ^ expected a port number or the name of a service here
",
    );
}

#[test]
fn what_a_flow_does_not_tell() {
    faults(
        r"
ip broadcast
   ^ 'broadcast' is pcap-filter, but
ether multicast
      ^ 'multicast' is pcap-filter, but
ip protochain 6
   ^ 'protochain' is pcap-filter, but
less 100
^ 'less' is pcap-filter, but a flow does not tell it
",
    );
}

#[test]
fn arithmetic() {
    faults(
        r"
tcp[13] & 2 != 0
   ^ packet bytes, comparisons and arithmetic (as in tcp[13] & 2 != 0) are pcap-filter
(tcp[13] & 2) != 0
    ^ packet bytes, comparisons and arithmetic (as in tcp[13] & 2 != 0) are pcap-filter
tcp & udp
    ^ packet bytes, comparisons and arithmetic (as in tcp[13] & 2 != 0) are pcap-filter
tcp | udp
    ^ packet bytes, comparisons and arithmetic (as in tcp[13] & 2 != 0) are pcap-filter
port = 80
     ^ packet bytes, comparisons and arithmetic (as in tcp[13] & 2 != 0) are pcap-filter
tcp and != 0
        ^ packet bytes, comparisons and arithmetic (as in tcp[13] & 2 != 0) are pcap-filter
net 10.0.0.0/[
             ^ packet bytes, comparisons and arithmetic (as in tcp[13] & 2 != 0) are pcap-filter
",
    );
}

#[test]
fn keywords_in_capitals_and_unknown_words() {
    faults(
        r"
TCP
^ unknown word 'TCP': keywords are lower case, 'tcp'
tcp AND udp
    ^ unknown word 'AND': keywords are lower case, 'and'
port 80 or Udp
           ^ unknown word 'Udp': keywords are lower case, 'udp'
src Port 80
    ^ unknown word 'Port': keywords are lower case, 'port'
gre
^ unknown word 'gre'; the primitives are host, net, port, portrange
tcp or example
       ^ unknown word 'example'; the primitives are
\
^ unknown word ''
",
    );
}

#[test]
fn qualifiers_that_do_not_go_together() {
    faults(
        r"
ether port 80
      ^ 'port' does not go with 'ether': write 'host', 'src' or
ether src net 10
          ^ 'net' does not go with 'ether': write 'host'
ether proto 0x800
      ^ 'proto' does not go with 'ether': write 'host'
tcp proto 6
    ^ 'proto' does not go with 'tcp', 'udp' or 'sctp': write
src proto 6
    ^ 'proto' does not go with 'src' or 'dst': a protocol has no
ip6 host 10.0.0.1
         ^ 'ip6' does not go with an IPv4 address
ip net 2001:db8::/32
       ^ 'ip' does not go with an IPv6 address
ip src ::1
       ^ 'ip' does not go with an IPv6 address
",
    );
}

#[test]
fn hosts_that_are_none() {
    faults(
        r"
host example.com
     ^ 'example.com' is not an IP address; host names are not
host localhost
     ^ 'localhost' is not an IP address; host names are not
src 80
    ^ '80' is not an IP address; for a port write 'port'
tcp 80
    ^ '80' is not an IP address; for a port write 'port'
host 10.0.0.300
     ^ '10.0.0.300' is not an IP address
host 010.0.0.1
     ^ '010.0.0.1' is not an IP address
host 2001:db8::g
     ^ '2001:db8::g' is not an IP address
host 10.1
     ^ 'host' takes one whole address; for a network write 'net'
host 10.0.0.0/8
             ^ 'host' takes one whole address; for a network
src 2001:db8::/32
              ^ 'host' takes one whole address; for a network
host 1:2:3:4:5:6
     ^ '1:2:3:4:5:6' is a MAC address: write 'ether' before
port 80 or 10.0.0.1
           ^ unknown service name '10.0.0.1'
ether host 10.0.0.1
           ^ '10.0.0.1' is not a MAC address such as
ether src 1:2:3:4:5
          ^ '1:2:3:4:5' is not a MAC address such as
ether src 1:2:3:4:5:6:7
          ^ '1:2:3:4:5:6:7' is not a MAC address
ether src 1:2:3:4:5:666
          ^ '1:2:3:4:5:666' is not a MAC address
ether src 1:2:3:4:5:
          ^ '1:2:3:4:5:' is not a MAC address
ether src 1:2-3:4:5:6
          ^ '1:2-3:4:5:6' is not a MAC address
",
    );
}

#[test]
fn networks_that_are_none() {
    faults(
        r"
net 10.0.0.0/33
             ^ '33' is no prefix length: for IPv4 it goes from 0
net ::/129
       ^ '129' is no prefix length: for IPv6 it goes from 0 to 128
net 10/x
       ^ 'x' is no prefix length: for IPv4 it goes from 0 to 32
net 10/08
       ^ '08' has a leading zero, which could mean octal
net 10.0.0.0/255.0.0.0
             ^ '255.0.0.0' is no prefix length: for IPv4
net 10.1.2.3/8
    ^ the address has bits set outside its mask; the network is 10.0.0.0/8
net 10.1.2.3 mask 255.255.0.0
    ^ the address has bits set outside its mask; the
net 2001:db8::1/32
    ^ the address has bits set outside its mask; the network
net 10.0.0.0 mask x
                  ^ 'x' is not an IPv4 mask such as
net :: mask 255.0.0.0
       ^ 'mask' is for IPv4 networks; for IPv6 write
net 256
    ^ '256' is not a network: write it as in 10.0.0.0/8, 192.168 or
net 1.2.3.4.5
    ^ '1.2.3.4.5' is not a network
net 10.
    ^ '10.' is not a network
net 10.01
    ^ '10.01' is not a network
net 0x0a.1
    ^ '0x0a.1' is not a network
net example
    ^ 'example' is not a network
",
    );
}

#[test]
fn ports_that_are_none() {
    faults(
        r"
port 65536
     ^ port '65536' is out of range: ports go from 0 to 65535
port 080
     ^ port '080' has a leading zero, which could mean octal
port -1
     ^ unknown service name '-1': write its port number
port gopherd
     ^ unknown service name 'gopherd': write its port number
port 80-90
     ^ 'port' takes one port; for a range write 'portrange'
portrange 90-80
          ^ the port range '90-80' ends before it starts: write
portrange 0-65536
          ^ port '65536' is out of range: ports go from 0
portrange 80 - 90
             ^ expected 'and', 'or' or the end of the filter
",
    );
}

#[test]
fn protocols_and_vlans_that_are_none() {
    faults(
        r"
proto 256
      ^ '256' is out of range: an IP protocol goes from 0 to 255
proto 006
      ^ '006' has a leading zero, which could mean octal
ip proto http
         ^ unknown protocol name 'http': write its number
vlan 4096
     ^ '4096' is out of range: a VLAN id goes from 0 to 4095
vlan 99999999999999999999
     ^ '99999999999999999999' is out of range
vlan 010
     ^ '010' has a leading zero, which could mean octal
",
    );
}

#[test]
fn no_keyword_of_pcap_filter_is_mistaken_for_a_value() {
    for word in [
        "arp",
        "mpls",
        "pppoes",
        "geneve",
        "broadcast",
        "len",
        "inbound",
        "addr1",
    ] {
        for text in [word.to_owned(), format!("host 10.0.0.1 or {word}")] {
            let error = Filter::parse(&text).unwrap_err();
            assert_eq!(error.kind(), &FilterErrorKind::Unsupported(word.to_owned()));
            assert_eq!(error.offset(), text.len() - word.len());
        }
    }
}

#[test]
fn the_message_lists_the_primitives() {
    let message = Filter::parse("arp").unwrap_err().to_string();
    assert!(
        message.contains("the primitives are host, net, port, portrange"),
        "{message}"
    );
}

#[test]
fn what_is_missing_is_missing_behind_the_last_word() {
    assert_eq!(Filter::parse("tcp port \t ").unwrap_err().offset(), 8);
}

#[test]
fn the_place_counts_bytes_and_the_caret_columns() {
    let error = Filter::parse("host m\u{fc}ller or\tx").unwrap_err();
    assert_eq!(error.offset(), 5);
    let error = Filter::parse("tcp or\t\u{1b}[1m\u{6f22} x").unwrap_err();
    assert_eq!(error.offset(), 7);
    let shown = error.to_string();
    assert!(
        shown.ends_with("\n  tcp or \\u{1b}[1m\\u{6f22} x\n         ^"),
        "{shown}"
    );
}
