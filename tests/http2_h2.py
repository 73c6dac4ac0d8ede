"""Asks for paths at once on one connection of HTTP/2, with the h2 package; prints status and bytes of each, as JSON.

Usage: http2_h2.py HOST PORT CA_FILE|- PATH...
"""

import json
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events

host, port, authority, *paths = sys.argv[1:]
sock = socket.create_connection((host, int(port)), timeout=20)
if authority != "-":
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(["h2"])
    sock = context.wrap_socket(sock, server_hostname=host)
    assert sock.selected_alpn_protocol() == "h2"

client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
client.initiate_connection()
answers = {}
for path in paths:
    stream = client.get_next_available_stream_id()
    scheme = "http" if authority == "-" else "https"
    request = {":method": "GET", ":scheme": scheme, ":authority": host, ":path": path}
    client.send_headers(stream, request.items(), end_stream=True)
    answers[stream] = {"path": path, "bytes": 0}
sock.sendall(client.data_to_send())
left = len(paths)
while left > 0:
    data = sock.recv(65536)
    if not data:
        sys.exit("the server has ended the connection")
    for event in client.receive_data(data):
        if isinstance(event, h2.events.ResponseReceived):
            answers[event.stream_id]["status"] = dict(event.headers)[":status"]
        elif isinstance(event, h2.events.DataReceived):
            answers[event.stream_id]["bytes"] += len(event.data)
            client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            left -= 1
        elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
            sys.exit(str(event))
    sock.sendall(client.data_to_send())
client.close_connection()
sock.sendall(client.data_to_send())
print(json.dumps(list(answers.values())))
