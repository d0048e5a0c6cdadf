"""The true answers of a capture: what the clients and servers themselves said that they did."""

from __future__ import annotations

import json
from pathlib import Path

# Names of TLS versions as OpenSSL has them, and as records have them.
TLS_VERSIONS = {"TLSv1.2": "0x0303", "TLSv1.3": "0x0304"}
TLS_CIPHERS = {
    "TLS_AES_128_GCM_SHA256": "0x1301",
    "TLS_AES_256_GCM_SHA384": "0x1302",
    "TLS_CHACHA20_POLY1305_SHA256": "0x1303",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "0xc02b",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "0xc02c",
    "ECDHE-RSA-AES128-GCM-SHA256": "0xc02f",
    "ECDHE-RSA-AES256-GCM-SHA384": "0xc030",
}

# crack_result by outcome; a failure that is no wrong user or password is 3.
RESULTS = {"success": 1, "failure": 2, "unknown": -1, "encrypted": -1}


class Truth:
    """Expected records, by type, in the order in which they began. A key that is None must be
    absent from the record; keys that are not named may have any value."""

    def __init__(self) -> None:
        self._records: dict[str, list[dict]] = {}

    def add(self, record: str, **values: object) -> None:
        """Appends a record."""
        self._records.setdefault(record, []).append(values)

    def login(self, service: str, outcome: str, **values: object) -> None:
        """Appends a login; crack_result follows from the outcome unless it is given."""
        self.add(
            "login",
            **{"service": service, "outcome": outcome, "crack_result": RESULTS[outcome]} | values,
        )

    def tls(self, version: str, cipher: str, **values: object) -> None:
        """Appends a TLS handshake; version and cipher are named as by OpenSSL."""
        self.add(
            "tls",
            **{"server_version": TLS_VERSIONS[version], "cipher": TLS_CIPHERS[cipher]} | values,
        )

    def write(self, path: Path) -> None:
        """Writes the file of answers: one record a line."""
        kinds = []
        for kind in sorted(self._records):
            lines = ",\n    ".join(json.dumps(each, ensure_ascii=False) for each in self._records[kind])
            kinds.append(f'  "{kind}": [\n    {lines}\n  ]')
        path.write_text("{\n" + ",\n".join(kinds) + "\n}\n")
