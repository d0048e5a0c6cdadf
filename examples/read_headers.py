"""Prints time, length and stream of each segment in files written with --tcpheader."""
import struct
import sys

RECORD = struct.Struct("<QHH")  # nanoseconds since 1970 UTC, bytes of payload, low 16 bits of the FlowID

for path in sys.argv[1:]:
    with open(path, "rb") as stream:
        while header := stream.read(RECORD.size):
            time_ns, length, stream_id = RECORD.unpack(header)
            payload = stream.read(length)
            print(time_ns, length, stream_id, payload[:24])
