# SPDX-License-Identifier: BSD-3-Clause
"""The rate of a link, for scripts/nodes: one process sends and one receives.

usage: link_rate.py receive ADDRESS          prints bytes a second on the wire
       link_rate.py send ADDRESS RATE        sends for about a second at RATE bytes a second

The wire carries headers, too: of an Ethernet frame of 1514 bytes 1448 are data (IPv4 and TCP with
time stamps). The receiver leaves out the first quarter: the limiter of the rate lets a burst pass
after a pause, and TCP has to find its window.
"""

import socket
import sys
import time

PORT = 5002
SECONDS = 1.0
PATIENCE_S = 20
LEAST_BYTES = 1 << 20  # 16 bursts of the limiter
FRAME = 1514 / 1448


def receive(address):
    with socket.create_server((address, PORT)) as server:
        server.settimeout(PATIENCE_S)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(PATIENCE_S)
            total = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
            arrived, first, begin = 0, 0, None
            while data := connection.recv(1 << 18):
                arrived += len(data)
                if begin is None and arrived > total / 4:
                    first, begin = arrived, time.monotonic()
            print(int((arrived - first) / (time.monotonic() - begin) * FRAME))


def send(address, rate):
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection = socket.create_connection((address, PORT), timeout=PATIENCE_S)
            break
        except OSError:  # the receiver is not there yet
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
    left = max(int(rate * SECONDS), LEAST_BYTES)
    piece = bytes(1 << 20)
    with connection:
        connection.sendall(left.to_bytes(8, "big"))
        while left > 0:
            connection.sendall(piece[:left])
            left -= len(piece)


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive(sys.argv[2])
    else:
        send(sys.argv[2], float(sys.argv[3]))
