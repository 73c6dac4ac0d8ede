#!/usr/bin/env python3
"""
An ACME authority for tests: `acme_authority.py PORT_FILE ROOT_CERTIFICATE ROOT_KEY`. Prints the URL of its directory.

RFC 8555 over plain HTTP, as far as clients with http-01 challenges go. A challenge is fetched from this
machine, whatever its domain, from the port that PORT_FILE holds at that moment, and redirects are not followed; a line on
standard error tells what came. Signatures are not verified, nonces are. Certificates are signed by openssl, for the names
of the order.
"""
import base64
import hashlib
import http.client
import http.server
import json
import secrets
import subprocess
import sys
import tempfile

CHALLENGE = "/.well-known/acme-challenge/"
DAYS = "90"


class Problem(Exception):
    """RFC 8555 6.7: what the client is told."""

    def __init__(self, kind, detail, status=400):
        super().__init__(detail)
        self.status = status
        self.document = {"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status}


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(key):
    """RFC 7638 3: of the members that the kind of key requires, in order."""
    names = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}[key["kty"]]
    text = json.dumps({name: key[name] for name in names}, separators=(",", ":"))
    return encode(hashlib.sha256(text.encode()).digest())


def openssl(*args, given=None):
    return subprocess.run(["openssl", *args], input=given, check=True, capture_output=True).stdout


def names_of(request):
    """The names of a certificate signing request (DER), beside those of its subject."""
    text = openssl("req", "-inform", "DER", "-noout", "-text", given=request).decode()
    return {part.split(":", 1)[1] for part in text.replace(",", "\n").split() if part.startswith("DNS:")}


class Authority:
    def __init__(self, port_file, root, root_key):
        self.port_file, self.root, self.root_key = port_file, root, root_key
        self.url = ""
        self.nonces = set()
        self.accounts = {}
        self.orders = []
        self.authorizations = []
        self.certificates = []

    def make_nonce(self):
        nonce = secrets.token_urlsafe(16)
        self.nonces.add(nonce)
        return nonce

    def directory(self):
        names = ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"]
        return {**{name: f"{self.url}/{name}" for name in names}, "meta": {"termsOfService": f"{self.url}/terms"}}

    def answer(self, path, message):
        """Status, document and place of what a signed message gets. RFC 8555 6.2."""
        head = json.loads(decode(message["protected"]))
        if head["nonce"] not in self.nonces:
            raise Problem("badNonce", "Unknown nonce")
        self.nonces.remove(head["nonce"])
        if head["url"] != self.url + path:
            raise Problem("unauthorized", f"Signed for {head['url']}", 401)
        payload = json.loads(decode(message["payload"]) or b"null")
        what, _, number = path[1:].partition("/")
        if what == "newAccount":
            return self.new_account(head["jwk"], payload)
        owner = self.accounts.get(head["kid"])
        if owner is None:
            raise Problem("accountDoesNotExist", head["kid"])
        if what == "account":
            return 200, {"status": "valid"}, None
        if what == "newOrder":
            return self.new_order(payload)
        if what == "order":
            return 200, self.orders[int(number)], None
        if what == "authorization":
            return 200, self.authorizations[int(number)], None
        if what == "challenge":
            return *self.challenge(self.authorizations[int(number)], owner), None
        if what == "finalize":
            return *self.finalize(self.orders[int(number)], decode(payload["csr"])), None
        if what == "certificate":
            return 200, self.certificates[int(number)], None
        raise Problem("malformed", f"Nothing is at {path}", 404)

    def new_account(self, key, payload):
        owner = thumbprint(key)
        place = f"{self.url}/account/{owner}"
        if place in self.accounts:
            return 200, {"status": "valid"}, place
        if payload.get("onlyReturnExisting"):
            raise Problem("accountDoesNotExist", "No account has that key")
        self.accounts[place] = owner
        return 201, {"status": "valid"}, place

    def new_order(self, payload):
        number = len(self.orders)
        order = {
            "status": "pending",
            "identifiers": payload["identifiers"],
            "authorizations": [self.new_authorization(identifier) for identifier in payload["identifiers"]],
            "finalize": f"{self.url}/finalize/{number}",
        }
        self.orders.append(order)
        return 201, order, f"{self.url}/order/{number}"

    def new_authorization(self, identifier):
        number = len(self.authorizations)
        challenge = {
            "type": "http-01",
            "status": "pending",
            "url": f"{self.url}/challenge/{number}",
            "token": secrets.token_urlsafe(32),
        }
        self.authorizations.append({"status": "pending", "identifier": identifier, "challenges": [challenge]})
        return f"{self.url}/authorization/{number}"

    def challenge(self, authorization, owner):
        """RFC 8555 8.3: what is fetched is token and thumbprint; white space may follow."""
        host, challenge = authorization["identifier"]["value"], authorization["challenges"][0]
        status, content = self.fetch(host, challenge["token"])
        print(f"{host}: {status}", file=sys.stderr, flush=True)
        is_right = status == 200 and content.rstrip() == f"{challenge['token']}.{owner}".encode()
        challenge["status"] = authorization["status"] = "valid" if is_right else "invalid"
        if not is_right:
            challenge["error"] = Problem("unauthorized", f"{host} answered {status}: {content[:80]!r}", 403).document
        return 200, challenge

    def fetch(self, host, token):
        with open(self.port_file, encoding="ascii") as file:
            connection = http.client.HTTPConnection("127.0.0.1", int(file.read()), timeout=10)
        try:
            connection.request("GET", CHALLENGE + token, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def finalize(self, order, request):
        wanted = {identifier["value"] for identifier in order["identifiers"]}
        states = [self.authorizations[int(url.rsplit("/", 1)[1])]["status"] for url in order["authorizations"]]
        if set(states) != {"valid"}:
            raise Problem("orderNotReady", "Not every name is authorized", 403)
        if names_of(request) != wanted:
            raise Problem("badCSR", f"The request names {sorted(names_of(request))}")
        number = len(self.certificates)
        self.certificates.append(self.sign(request, wanted))
        order.update(status="valid", certificate=f"{self.url}/certificate/{number}")
        return 200, order

    def sign(self, request, names):
        """A certificate with its issuer after it, as PEM."""
        with tempfile.NamedTemporaryFile("w", suffix=".cnf") as extensions:
            extensions.write("subjectAltName=" + ",".join(f"DNS:{name}" for name in sorted(names)) + "\n")
            extensions.write("extendedKeyUsage=serverAuth\n")
            extensions.flush()
            signing = ["-CA", self.root, "-CAkey", self.root_key, "-set_serial", str(secrets.randbits(127))]
            leaf = openssl(
                "x509", "-req", "-inform", "DER", "-sha256", "-days", DAYS, "-extfile", extensions.name, *signing,
                given=request,
            )
        return leaf + openssl("x509", "-in", self.root)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/directory":
            self.send(200, self.server.authority.directory())
        else:
            self.send(404 if self.path != "/newNonce" else 204, None)

    def do_HEAD(self):
        self.send(200, None)

    def do_POST(self):
        authority = self.server.authority
        content = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.send(*authority.answer(self.path, json.loads(content)))
        except Problem as problem:
            self.send(problem.status, problem.document)

    def send(self, status, document, place=None):
        is_chain = isinstance(document, bytes)
        content = document if is_chain else b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Replay-Nonce", self.server.authority.make_nonce())
        self.send_header("Cache-Control", "no-store")
        if place is not None:
            self.send_header("Location", place)
        if self.path.startswith("/challenge/"):
            up = self.path.replace("challenge", "authorization")
            self.send_header("Link", f'<{self.server.authority.url}{up}>;rel="up"')
        if document is not None:
            kind = "problem+json" if status >= 400 else "json"
            self.send_header("Content-Type", "application/pem-certificate-chain" if is_chain else f"application/{kind}")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Only challenges are told."""


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.authority = Authority(*sys.argv[1:])
    server.authority.url = f"http://127.0.0.1:{server.server_port}"
    print(server.authority.url + "/directory", flush=True)
    server.serve_forever()


main()
