"""Unbound and dig: types of records, no such name, refusal, a truncated answer, TCP."""

from __future__ import annotations

import re

from .scene import HOST, Scene, expect

NEEDED = (
    ("unbound", "unbound", "DNS server"),
    ("dig", "bind9-dnsutils", "DNS client"),
)
SHOWN = (
    "dns.qry.type == 28",
    "dns.flags.rcode == 3",
    "dns.flags.rcode == 5",
    "dns.flags.truncated == 1",
    "dns && tcp",
    "dns.resp.z.do == 1",
)

ZONE = (
    "www.example.test. 300 IN A 10.77.0.80",
    "www.example.test. 300 IN A 10.77.0.81",
    "www.example.test. 300 IN AAAA fd77::80",
    "example.test. 300 IN MX 10 mail.example.test.",
    "example.test. 300 IN MX 20 backup.example.test.",
    'example.test. 300 IN TXT "v=spf1 -all"',
    "example.test. 300 IN NS ns.example.test.",
    "example.test. 300 IN SOA ns.example.test. admin.example.test. 7 3600 600 86400 300",
    'example.test. 300 IN CAA 0 issue "ca.example.test"',
    "alias.example.test. 300 IN CNAME www.example.test.",
    "_http._tcp.example.test. 300 IN SRV 0 5 80 www.example.test.",
    "80.0.77.10.in-addr.arpa. 300 IN PTR www.example.test.",
    "host.example.test. 300 IN SSHFP 4 2 " + "AB" * 32,
    "_25._tcp.example.test. 300 IN TLSA 3 1 1 " + "CD" * 32,
    "*.wild.example.test. 300 IN A 10.77.0.99",
    *(f'long.example.test. 300 IN TXT "{letter * 200}"' for letter in "abcdefgh"),
)
SETTINGS = """
server:
  interface: {host}
  access-control: 10.77.0.0/24 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  rrset-roundrobin: no
  hide-version: yes
  local-zone: "example.test." static
  local-zone: "10.in-addr.arpa." static
  local-zone: "refused.test." refuse
  {zone}
remote-control:
  control-enable: no
"""
QUESTIONS = (
    ("www.example.test.", "A", "+noedns"),
    ("www.example.test.", "A"),
    ("www.example.test.", "AAAA"),
    ("example.test.", "MX"),
    ("example.test.", "TXT"),
    ("example.test.", "NS"),
    ("example.test.", "SOA"),
    ("example.test.", "CAA"),
    ("alias.example.test.", "CNAME"),
    ("_http._tcp.example.test.", "SRV"),
    ("80.0.77.10.in-addr.arpa.", "PTR"),
    ("host.example.test.", "SSHFP"),
    ("_25._tcp.example.test.", "TLSA"),
    ("missing.example.test.", "A"),
    ("refused.test.", "A"),
    ("www.example.test.", "A", "+dnssec", "+bufsize=4096"),
    ("www.example.test.", "A", "+nsid", "+ednsopt=65001:cafe"),
    ("www.example.test.", "A", "+norecurse", "+nocookie"),
    ("WwW.eXample.tesT.", "A"),
    ("www.example.test.", "A", "+tcp"),
    ("long.example.test.", "TXT", "+noedns"),
    ("version.bind.", "TXT", "-c", "CH"),
)


def record(scene: Scene) -> None:
    """Asks each question."""
    settings = scene.folder / "unbound.conf"
    zone = "\n  ".join(f"local-data: '{line}'" for line in ZONE)
    settings.write_text(SETTINGS.format(host=HOST, folder=scene.folder, zone=zone))
    scene.serve("unbound", "-d", "-c", str(settings), port=53)
    with scene.recording():
        for question in QUESTIONS:
            ask(scene, *question)
        ask_on_one_connection(scene, QUESTIONS[1], QUESTIONS[3], QUESTIONS[13])


def ask(scene: Scene, name: str, kind: str, *options: str) -> None:
    """A question with dig, which prints both messages."""
    scene.next_port()
    done = scene.client("dig", f"@{HOST}", "-q", name, "-t", kind, *options, "+qr", "+nosplit")
    said = parts(done.stdout)
    tcp = "+tcp" in options
    if ";; Truncated, retrying in TCP mode." in done.stdout:
        # dig does not print the answer that made it ask again.
        expect([what for what, _ in said], ["Sending", "Sending", "Got answer"], "messages")
        expected = [(said[0], False), (None, False), (said[1], True), (said[2], True)]
    else:
        expect([what for what, _ in said], ["Sending", "Got answer"], "messages")
        expected = [(each, tcp) for each in said]
    for each, over_tcp in expected:
        values = {"transport": "tcp" if over_tcp else "udp", "kind": "dns"}
        if each is None:
            questions = message(said[0][1])["questions"]
            values |= {"dst_ip": "10.77.0.1", "header": {"qr": 1, "tc": 1}, "questions": questions}
            scene.truth.add("dns", **values)
            continue
        what, text = each
        values |= message(text)
        values["dst_ip"] = HOST if what == "Sending" else "10.77.0.1"
        scene.truth.add("dns", **values)


def ask_on_one_connection(scene: Scene, *questions: tuple[str, str]) -> None:
    """Several questions over one TCP connection."""
    port = scene.next_port()
    asked = [part for name, kind in questions for part in ("-q", name, "-t", kind)]
    done = scene.client("dig", f"@{HOST}", "+tcp", "+keepopen", "+qr", "+nosplit", *asked)
    for what, text in parts(done.stdout):
        is_question = what == "Sending"
        ends = {"src_port": port if is_question else 53, "dst_port": 53 if is_question else port}
        scene.truth.add("dns", **ends, transport="tcp", kind="dns", **message(text))


def parts(text: str) -> list[tuple[str, str]]:
    """The messages that dig printed: what it did with each, and its text."""
    messages = re.split(r"^;; (Sending|Got answer):\n", text, flags=re.MULTILINE)
    return list(zip(messages[1::2], messages[2::2]))


def message(text: str) -> dict:
    """A message as dig prints it."""
    head = re.search(r"opcode: (\w+), status: (\w+), id: (\d+)\n;; flags:([^;]*); (.*)\n", text)
    opcode, status, number, flags, counts = head.groups()
    count = {name: int(value) for name, value in re.findall(r"(\w+): (\d+)", counts)}
    set_flags = flags.split()
    header = {flag: int(flag in set_flags) for flag in ("aa", "qr", "tc", "rd", "ra")}
    header |= {"opcode": opcode, "rcode": status, "id": int(number)}
    header |= {
        "num_of_questions": count["QUERY"],
        "num_of_answers": count["ANSWER"],
        "num_of_authority": count["AUTHORITY"],
        "num_of_additional": count["ADDITIONAL"],
    }
    values = {"header": header}
    for section, key in (("QUESTION", "questions"), ("ANSWER", "answers"), ("AUTHORITY", "authority")):
        found = re.search(rf"^;; {section} SECTION:\n((?:.+\n)+)", text, flags=re.MULTILINE)
        lines = found.group(1).splitlines() if found else []
        values[key] = [question(line) if section == "QUESTION" else resource(line) for line in lines] or None
    if edns := re.search(r"EDNS: version: (\d+), flags:([^;]*);.* udp: (\d+)", text):
        version, flags, size = edns.groups()
        values["edns"] = {"version": int(version), "udp_size": int(size), "do": "do" in flags.split()}
    else:
        values["edns"] = None
    return values


def question(line: str) -> dict:
    """A line of the question section."""
    name, group, kind = line.lstrip(";").split()
    return {"qname": name, "qclass": group, "qtype": kind}


def resource(line: str) -> dict:
    """A line of another section."""
    name, ttl, group, kind, data = line.split(None, 4)
    number = {"IN": 1, "CH": 3}[group]
    return {"rname": name, "rtype": kind, "rclass": number, "ttl": int(ttl), "rdata": data}
