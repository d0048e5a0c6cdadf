"""Recording of real traffic between network namespaces, for scripts/record-testdata and
scripts/record-servers.

content   the files that are transferred, made from a seed
expected  the tables of what the captures hold
network   two namespaces joined by a pair of virtual Ethernet devices, or by a relay
relay     the relay: drops, repeats, reorders and delays frames, by a seed
programs  the programs that talk, and those that record them
scenarios what record-testdata records, one function for each capture
servers   what record-servers records, one module for each capture
"""
