"""Builders of packet captures, and the catalogue of those under testdata/generated.

Every builder returns bytes together with what it knows about them: which flow a packet belongs to,
whether it holds an IP header at all. So the expected flow counts come from what was put in, never
from a program that read it back out.

    packet        Flow, Header, Packet: octets and what their maker knows of them
    checksum      Internet checksum, CRC-32, CRC-32C
    transport     TCP, UDP, ICMP and the other protocols above IP
    ip            IPv4, IPv6, extension headers, fragments
    conversation  the few conversations that most files carry
    ethernet      Ethernet and what may stand between it and IP
    link          link layers other than Ethernet, wired
    wireless      802.11 and the headers that capture drivers put before it
    tunnel        IP in IP, GRE, VXLAN, Geneve, GTP-U and their kin
    pcap, pcapng  the two file formats
    expected      CaptureFile, and the counts that belong to it
    crosscheck    comparison of those counts with tshark's
    catalog       the files
"""
