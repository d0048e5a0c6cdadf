"""Recording of servers and clients that log in to them, for scripts/record-servers.

scene          the network, folder and certificate that each recording has
truth          the true answers of a capture
accounts       users of the machine that exist inside one server only
sha2_server    a server that speaks MySQL's caching_sha2_password, as Debian has none
mongo_server   a server that speaks MongoDB's SCRAM over OP_MSG, likewise
web_backend    what nginx passes requests on to

Each of the others records one capture: NEEDED names programs, with their Debian packages and what
they are for, PACKAGES those from PyPI, SHOWN display filters that must match, and record does it.
"""

from . import caching_sha2, ftp, imap, mariadb, mongodb, nginx, pop3, postfix, postgres, redis, ssh, unbound

ALL = {
    "mariadb": mariadb,
    "caching-sha2": caching_sha2,
    "postgres": postgres,
    "redis": redis,
    "postfix": postfix,
    "pop3": pop3,
    "imap": imap,
    "ftp": ftp,
    "nginx": nginx,
    "unbound": unbound,
    "ssh": ssh,
    "mongodb": mongodb,
}
"""What can be recorded, by the name of its capture."""
