#!/bin/bash
# curl 7.88.1 (Debian 12, curl and libcurl4 7.88.1-10+deb12u15, nghttp2 1.52.0): an answer over HTTP/2 that is whole before the upload.
#
# RFC 9113 8.1: a server may send a complete response and then RST_STREAM with NO_ERROR, to ask the client to stop an upload that it
# does not want; "Clients MUST NOT discard responses as a consequence of receiving such a RST_STREAM".
# Guess, before it was run: 413 and its content, whenever the reset comes.
# Seen: 413 where the reset comes some time after the answer; where both come in one read curl has no answer at all (000, exit
#   status 92, "Stream error in the HTTP/2 framing layer").
# The server is Debian's python3-h2 4.1.0: it answers 413 as soon as it has the head, with the reset at once or 0.3 s later.
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/debs" "$dir/root"
(cd "$dir/debs" && apt-get download --quiet=2 curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 libnghttp2-14=1.52.0-1+deb12u3 \
  python3-h2=4.1.0-4 python3-hpack=4.0.0-2 python3-hyperframe=6.0.0-1 2>"$dir/apt.log") || { cat "$dir/apt.log"; exit 1; }
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir/root"; done
head -c 5000000 /dev/zero >"$dir/upload"

cat >"$dir/server.py" <<'PROGRAM'
import socket, sys, time
import h2.config, h2.connection, h2.errors, h2.events

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
for pause in (0.3, 0):
    sock, _ = listener.accept()
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    sock.sendall(server.data_to_send())
    answered = False
    while data := sock.recv(65536):
        for event in server.receive_data(data):
            if isinstance(event, h2.events.RequestReceived) and not answered:
                answered = True
                server.send_headers(event.stream_id, [(":status", "413"), ("content-length", "9")])
                server.send_data(event.stream_id, b"too large", end_stream=True)
                if pause:
                    sock.sendall(server.data_to_send())
                    time.sleep(pause)
                server.reset_stream(event.stream_id, h2.errors.ErrorCodes.NO_ERROR)
        try:
            sock.sendall(server.data_to_send())
        except OSError:  # curl has its answer, and has gone
            break
    sock.close()
PROGRAM
PYTHONPATH=$dir/root/usr/lib/python3/dist-packages /usr/bin/python3 "$dir/server.py" >"$dir/port" 2>"$dir/log" &
server=$!
for _ in {1..100}; do [[ -s $dir/port ]] && break; sleep 0.1; done
port=$(<"$dir/port")

check() { # which, "status exit content"
  local seen status=0
  : >"$dir/body"
  seen=$(LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu "$dir/root/usr/bin/curl" --silent --noproxy '*' --max-time 10 \
    --http2-prior-knowledge --header Expect: --data-binary "@$dir/upload" --output "$dir/body" --write-out '%{http_code}' \
    "http://127.0.0.1:$port/") || status=$?
  seen+=" $status $(<"$dir/body")"
  echo "RST_STREAM $1 the answer: $seen"
  [[ $seen = "$2" ]] || { echo "Not as it was: $2"; cat "$dir/log"; exit 1; }
}
check "0.3 s after" "413 0 too large"
check "in one read with" "000 92 "
