//! The list as aligned columns: `--format table`.

use crate::common::program::{Program, run};
use crate::common::{Complaints, captures};

const HTTP: &str = "testdata/recorded/http.pcap";
const DNS: &str = "testdata/recorded/dns.pcap";
const IPV6: &str = "testdata/recorded/ipv6.pcapng";

/// The lines of a table, the header first.
fn table(args: &[&str]) -> Vec<String> {
    let ended = run(["--format", "table"].iter().chain(args)).exits(0);
    ended.text().lines().map(str::to_owned).collect()
}

/// The values of a column without spaces in it.
fn column(lines: &[String], name: &str) -> Vec<String> {
    let words =
        |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let names = words(&lines[0]);
    let place = names.iter().position(|it| it == name).unwrap();
    lines[1..]
        .iter()
        .map(|line| words(line)[place].clone())
        .collect()
}

#[test]
fn a_list_is_aligned_and_the_largest_flow_is_first() {
    let expected = "\
FLOW  PROTO  SOURCE           DESTINATION      PACKETS   BYTES  FIRST                     DURATION
   4  tcp    10.77.0.2:80     10.77.0.1:41002       13  13.1kB  2026-11-21T03:53:32.908Z     967us
   2  tcp    10.77.0.2:80     10.77.0.1:41001       12  9.99kB  2026-11-21T03:53:32.877Z    6.10ms
   3  tcp    10.77.0.1:41002  10.77.0.2:80          15  1.08kB  2026-11-21T03:53:32.908Z     990us
   1  tcp    10.77.0.1:41001  10.77.0.2:80          12    957B  2026-11-21T03:53:32.877Z    6.12ms
   6  tcp    10.77.0.2:80     10.77.0.1:41003        6    924B  2026-11-21T03:53:32.924Z     786us
   5  tcp    10.77.0.1:41003  10.77.0.2:80           6    489B  2026-11-21T03:53:32.924Z     793us";
    assert_eq!(table(&[HTTP]).join("\n"), expected);
}

#[test]
fn ipv6_addresses_with_ports_are_in_brackets() {
    let expected = "\
FLOW  PROTO   SOURCE           DESTINATION      PACKETS   BYTES  FIRST                     DURATION
   9  tcp     [fd77::2]:80     [fd77::1]:41012       13  13.3kB  2026-11-21T03:53:39.238Z     781us
   7  tcp     [fd77::2]:80     [fd77::1]:41011       12  10.2kB  2026-11-21T03:53:39.197Z    5.37ms
   5  icmpv6  fd77::2          fd77::1               10  6.83kB  2026-11-21T03:53:39.197Z     668ms
  10  icmpv6  fd77::1          fd77::2                9  6.74kB  2026-11-21T03:53:39.249Z     616ms
   8  tcp     [fd77::1]:41012  [fd77::2]:80          15  1.38kB  2026-11-21T03:53:39.238Z     799us
   6  tcp     [fd77::1]:41011  [fd77::2]:80          11  1.11kB  2026-11-21T03:53:39.197Z    5.39ms
   3  icmpv6  fe80::ff:fe00:2  ff02::16               4    360B  2026-11-21T03:53:38.397Z     864ms
   1  icmpv6  fe80::ff:fe00:1  ff02::16               2    180B  2026-11-21T03:53:38.045Z    35.9us
   2  icmpv6  fd77::1          ff02::1:ff00:2         2    172B  2026-11-21T03:53:38.170Z     1.03s
   4  icmpv6  fe80::ff:fe00:2  ff02::2                1     70B  2026-11-21T03:53:38.397Z        0s";
    assert_eq!(table(&[IPV6]).join("\n"), expected);
}

/// Each line has as many words as the header: what a flow does not have is a `-`.
#[test]
fn columns_are_words() {
    let lines = table(&["testdata/generated/ethernet/vlan.pcap"]);
    let mut tags = column(&lines, "VLAN");
    tags.sort();
    tags.dedup();
    assert_eq!(tags, ["-", "100", "200"]);
    let words = |line: &String| line.split_whitespace().count();
    assert!(lines.iter().all(|line| words(line) == words(&lines[0])));
}

#[test]
fn conversations_have_the_way_back() {
    let expected = "\
FLOW  PROTO  SOURCE           DESTINATION   PACKETS   BYTES  <-PACKETS  <-BYTES  DURATION
   2  tcp    10.77.0.1:41002  10.77.0.2:80       28  14.2kB         13   13.1kB     990us
   1  tcp    10.77.0.1:41001  10.77.0.2:80       24  10.9kB         12   9.99kB    6.12ms
   3  tcp    10.77.0.1:41003  10.77.0.2:80       12  1.41kB          6     924B     802us";
    assert_eq!(table(&[HTTP, "--bidirectional"]).join("\n"), expected);
}

/// No line is longer than 100 characters, and none is truncated: every row has a value in each of
/// the columns that have one for every flow.
#[test]
fn lines_fit_in_100_columns() {
    let mut wrong = Complaints::default();
    for capture in captures().iter().filter(|it| !it.refused) {
        for options in [&[][..], &["--bidirectional"], &["--decap"]] {
            let name = capture.name.as_str();
            let args = [&["--format", "table", name], options].concat();
            let ended = run(args).exits(if capture.damaged { 3 } else { 0 });
            let text = ended.text();
            if let Some(line) = text.lines().find(|it| it.chars().count() > 100) {
                wrong.add(format!("{name} {options:?}: {line}"));
            }
            let rows = run([&["--format", "json", name], options].concat());
            assert_eq!(
                text.lines().count(),
                1 + rows.text().lines().count(),
                "{name}"
            );
        }
    }
    wrong.none();
}

#[test]
fn amounts_are_descending_and_times_ascending() {
    let ids = |sort: &str| column(&table(&[HTTP, "--sort", sort]), "FLOW");
    assert_eq!(ids("bytes"), column(&table(&[HTTP]), "FLOW"));
    assert_eq!(ids("bytes"), ["4", "2", "3", "1", "6", "5"]);
    assert_eq!(ids("packets"), ["3", "4", "1", "2", "5", "6"]);
    assert_eq!(ids("duration"), ["1", "2", "3", "4", "5", "6"]);
    for sort in ["first", "id"] {
        assert_eq!(ids(sort), ["1", "2", "3", "4", "5", "6"], "{sort}");
    }
    let top = |args: &[&str]| column(&table(&[&[HTTP, "--top", "2"], args].concat()), "FLOW");
    assert_eq!(top(&[]), ["4", "2"]);
    assert_eq!(top(&["--sort", "packets"]), ["3", "4"]);
    assert_eq!(top(&["--sort", "id"]), ["5", "6"]);
}

#[test]
fn the_environment_chooses_the_default_format() {
    let with = |value: &str, args: &[&str]| {
        let program = Program::new().args([HTTP]).args(args);
        program.env("PCAP_FLOWS_FORMAT", value).run()
    };
    let [text, table, csv] =
        ["text", "table", "csv"].map(|format| run([HTTP, "--format", format]).stdout);
    assert_eq!(run([HTTP]).stdout, text);
    assert_eq!(with("", &[]).stdout, text);
    assert_eq!(with("text", &[]).stdout, text);
    assert_eq!(with("table", &[]).stdout, table);
    assert_eq!(with("csv", &[]).stdout, csv);
    assert_eq!(with("table", &["--format", "text"]).stdout, text);
    // A binary format would take the name of its file from -o.
    for value in ["tables", "parquet"] {
        with(value, &[])
            .exits(2)
            .says("PCAP_FLOWS_FORMAT is")
            .says("text, table, csv or json");
        with(value, &["--format", "table"]).exits(0);
    }
    // Subcommands have formats of their own.
    let tcp = |value: &str| {
        let program = Program::new().args(["tcp", HTTP]);
        program
            .env("PCAP_FLOWS_FORMAT", value)
            .run()
            .exits(0)
            .stdout
    };
    assert_eq!(tcp("csv"), tcp(""));
}

#[test]
fn local_times_have_no_z() {
    let program = Program::new().args([HTTP, "--format", "table", "--local-time"]);
    let ended = program.env("TZ", "<+0330>-3:30").run().exits(0);
    assert!(
        ended.text().contains("  2026-11-21T07:23:32.908  "),
        "{ended}"
    );
}

#[test]
fn a_list_without_flows_is_a_header() {
    let lines = table(&[DNS, "--filter", "sctp"]);
    assert_eq!(lines, ["FLOW  SOURCE  DESTINATION  BYTES"]);
}

/// Where text is for people already, a table is that text.
#[test]
fn tables_of_subcommands_are_their_text() {
    for command in ["tcp", "packets"] {
        let of = |format: &str| run([command, HTTP, "--format", format]).exits(0).stdout;
        assert_eq!(of("table"), of("text"), "{command}");
    }
    run(["diff", HTTP, HTTP, "--format", "table"])
        .exits(2)
        .says("invalid value 'table'");
}
