/** The Connection: what it asks of a head beyond its grammar, its states, and what it sends. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { fill, readEvents, textOf } from "../../tests/feed.ts";
import { chunked, fields, line, post, testReading } from "../../tests/reading.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { RULES } from "../rules.ts";
import { Connection } from "./connection.ts";
import { HeaderFields } from "./header_fields.ts";
import { KnownSections } from "./known_sections.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import type { ReceivedRequest } from "./received_request.ts";
import { OutputBuffer } from "./output_buffer.ts";
import { HeadWriter } from "./writers.ts";

const REFUSED = ["error 400"];
const GET = ["GET / 1.1"];
const CONTENT = ["POST / 1.1", "content hello"];

testReading("reads Host and the forms of the target", [
  { name: "Host with a port", input: "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", want: GET },
  { name: "an empty Host", input: "GET / HTTP/1.1\r\nHost:\r\n\r\n", want: GET },
  { name: "Host in another case", input: "GET / HTTP/1.1\r\nhOST: a\r\n\r\n", want: GET },
  { name: "an IPv6 Host", input: "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", want: GET },
  { name: "no Host", input: "GET / HTTP/1.1\r\n\r\n", want: REFUSED },
  { name: "no Host in HTTP/1.0", input: "GET / HTTP/1.0\r\n\r\n", want: ["GET / 1.0", "last"] },
  { name: "no Host beside an absolute target", input: "GET http://a/ HTTP/1.1\r\n\r\n", want: REFUSED },
  { name: "two Hosts", input: fields("Host: b\r\n"), want: REFUSED },
  { name: "two equal Hosts", input: fields("Host: a\r\n"), want: REFUSED },
  { name: "two empty Hosts", input: "GET / HTTP/1.1\r\nHost:\r\nHost:\r\n\r\n", want: REFUSED },
  { name: "two Hosts in HTTP/1.0", input: "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", want: REFUSED },
  { name: "Host with a space", input: "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", want: REFUSED },
  { name: "Host with a comma and a space", input: "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", want: REFUSED },
  { name: "Host with a slash", input: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", want: REFUSED },
  { name: "Host with user information", input: "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", want: REFUSED },
  { name: "Host with a port that is none", input: "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", want: REFUSED },
  { name: "Host with a port above 65535", input: "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", want: REFUSED },
  { name: "Host with an open bracket", input: "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", want: REFUSED },
  { name: "Host with an empty label", input: "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", want: REFUSED },
  { name: "Host with a dot at its end", input: "GET / HTTP/1.1\r\nHost: a.b.\r\n\r\n", want: GET },
  { name: "Host with an escape", input: "GET / HTTP/1.1\r\nHost: %31.2.3.4\r\n\r\n", want: REFUSED },
  { name: "Host that is no IPv6 address", input: "GET / HTTP/1.1\r\nHost: [4712::abcd::]\r\n\r\n", want: REFUSED },
  { name: "Host that is none in HTTP/1.0", input: "GET / HTTP/1.0\r\nHost: a..b\r\n\r\n", want: REFUSED },
  {
    name: "Host that is none beside an absolute target",
    input: "GET http://a/ HTTP/1.1\r\nHost: a..b\r\n\r\n",
    want: REFUSED,
  },
  { name: "Host above ASCII", input: "GET / HTTP/1.1\r\nHost: \xe4\r\n\r\n", want: REFUSED },
  { name: "an absolute target", input: line("GET http://b/c HTTP/1.1"), want: ["GET http://b/c 1.1"] },
  {
    name: "an absolute target beside an invalid Host",
    input: "GET http://b/c HTTP/1.1\r\nHost: a b\r\n\r\n",
    want: REFUSED,
  },
  { name: "an absolute target of another scheme", input: line("GET ftp://b/c HTTP/1.1"), want: REFUSED },
  { name: "an absolute target without host", input: line("GET http:///c HTTP/1.1"), want: REFUSED },
  { name: "an absolute target with a port alone", input: line("GET http://:80/c HTTP/1.1"), want: REFUSED },
  { name: "an absolute target with user information", input: line("GET http://u@b/c HTTP/1.1"), want: REFUSED },
  { name: "the authority form for CONNECT", input: line("CONNECT b:443 HTTP/1.1"), want: ["CONNECT b:443 1.1"] },
  { name: "the authority form without port", input: line("CONNECT b HTTP/1.1"), want: REFUSED },
  { name: "the authority form for GET", input: line("GET b:443 HTTP/1.1"), want: REFUSED },
  { name: "the origin form for CONNECT", input: line("CONNECT / HTTP/1.1"), want: REFUSED },
  { name: "the asterisk form for OPTIONS", input: line("OPTIONS * HTTP/1.1"), want: ["OPTIONS * 1.1"] },
  { name: "the asterisk form for GET", input: line("GET * HTTP/1.1"), want: REFUSED },
  { name: "a relative path", input: line("GET a/b HTTP/1.1"), want: REFUSED },
  { name: "a fragment", input: line("GET /a#b HTTP/1.1"), want: REFUSED },
  { name: "an invalid escape", input: line("GET /%zz HTTP/1.1"), want: REFUSED },
  { name: "half an escape", input: line("GET /% HTTP/1.1"), want: REFUSED },
  { name: "an escape that is no UTF-8", input: line("GET /%ff HTTP/1.1"), want: ["GET /%ff 1.1"] },
  { name: "an overlong escape", input: line("GET /%c0%ae%c0%ae/a HTTP/1.1"), want: ["GET /%c0%ae%c0%ae/a 1.1"] },
  { name: "an escaped NUL", input: line("GET /%00 HTTP/1.1"), want: REFUSED },
  { name: "an escaped backslash", input: line("GET /..%5ca HTTP/1.1"), want: ["error 404"] },
  { name: "a backslash", input: line("GET /..\\a HTTP/1.1"), want: ["error 404"] },
]);

const COURSE = RULES.course;

testReading("keeps the rules of the course", [
  { name: "no Host", input: "GET / HTTP/1.1\r\n\r\n", rules: COURSE, want: GET },
  { name: "two Hosts", input: fields("Host: b\r\n"), rules: COURSE, want: REFUSED },
  { name: "POST without length", input: post([], ""), rules: COURSE, want: ["error 411"] },
  { name: "POST with a length", input: post(["Content-Length: 5"], "hello"), rules: COURSE, want: CONTENT },
  { name: "POST with chunked", input: chunked("5\r\nhello\r\n0\r\n\r\n"), rules: COURSE, want: CONTENT },
  { name: "POST of HTTP/1.0 without length", input: "POST / HTTP/1.0\r\n\r\n", rules: COURSE, want: ["error 411"] },
  { name: "PUT without length", input: line("PUT / HTTP/1.1"), rules: COURSE, want: ["PUT / 1.1"] },
]);

testReading("reads Expect", [
  { name: "100-continue", input: post(["Expect: 100-continue", "Content-Length: 5"], "hello"), want: CONTENT },
  {
    name: "100-continue in any case",
    input: post(["Expect: 100-Continue", "Content-Length: 5"], "hello"),
    want: CONTENT,
  },
  { name: "100-continue without content", input: fields("Expect: 100-continue\r\n"), want: GET },
  { name: "another expectation", input: fields("Expect: 200-ok\r\n"), want: ["error 417"] },
  { name: "another beside 100-continue", input: fields("Expect: 100-continue, x\r\n"), want: ["error 417"] },
  { name: "an empty one", input: fields("Expect:\r\n"), want: ["error 417"] },
  { name: "another in HTTP/1.0, ignored", input: "GET / HTTP/1.0\r\nExpect: x\r\n\r\n", want: ["GET / 1.0", "last"] },
]);

testReading("keeps or ends the connection", [
  { name: "close", input: fields("Connection: close\r\n"), want: ["GET / 1.1", "last"] },
  { name: "close in another case", input: fields("connection: Close\r\n"), want: ["GET / 1.1", "last"] },
  { name: "close in a list", input: fields("Connection: TE,\tCLOSE , x\r\n"), want: ["GET / 1.1", "last"] },
  {
    name: "close in a second field",
    input: fields("Connection: TE\r\nConnection: close\r\n"),
    want: ["GET / 1.1", "last"],
  },
  { name: "close beats keep-alive", input: fields("Connection: keep-alive, close\r\n"), want: ["GET / 1.1", "last"] },
  { name: "a name like close", input: fields("Connection: closed\r\n"), want: GET },
  { name: "keep-alive without a blank", input: fields("Connection:Keep-Alive\r\n"), want: GET },
  { name: "HTTP/1.0 with keep-alive", input: "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", want: ["GET / 1.0"] },
  {
    name: "HTTP/1.0 with keep-alive and close",
    input: "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
    want: ["GET / 1.0", "last"],
  },
  {
    name: "HTTP/1.0 with another option",
    input: "GET / HTTP/1.0\r\nConnection: x\r\n\r\n",
    want: ["GET / 1.0", "last"],
  },
  {
    name: "after content",
    input: post(["Connection: close", "Content-Length: 5"], "hello"),
    want: ["POST / 1.1", "content hello", "last"],
  },
]);

Deno.test("nextEvent() refuses a message that the peer cut", () => {
  const request = post(["Content-Length: 5"], "hello");
  for (let length = 1; length < request.length; length++) {
    const events = readEvents(request.slice(0, length), { closes: true });
    assertEquals(events[events.length - 1], "error 400", request.slice(0, length));
  }
  assertEquals(readEvents(request, { closes: true }), ["POST / 1.1", "content hello", "peer_closed"]);
  assertEquals(readEvents("", { closes: true }), ["peer_closed"]);
  // Some clients end content with an empty line.
  assertEquals(readEvents(`${request}\r\n`, { closes: true }), ["POST / 1.1", "content hello", "peer_closed"]);
  assertEquals(readEvents(`${request}\r`, { closes: true }), ["POST / 1.1", "content hello", "error 400"]);
});

/** A connection that has received the text. */
function connectionWith(input: string): Connection {
  const buffer = new ReceiveBuffer();
  fill(buffer, input);
  return new Connection({
    limits: DEFAULT_LIMITS,
    rules: RULES.standard,
    headWriter: new HeadWriter(),
    sections: new KnownSections(),
  }, buffer);
}

function nextRequest(connection: Connection): ReceivedRequest {
  const event = connection.nextEvent();
  assert(event.type === "request_head");
  return event.request;
}

Deno.test("nextEvent() gives the host of the target before that of Host", () => {
  const cases: readonly (readonly [input: string, host: string])[] = [
    [line("GET / HTTP/1.1"), "a"],
    ["GET / HTTP/1.1\r\nHost: A.Example:80\r\n\r\n", "a.example"],
    ["GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "[::1]"],
    ["GET / HTTP/1.1\r\nHost:\r\n\r\n", ""],
    ["GET / HTTP/1.0\r\n\r\n", ""],
    [line("GET http://B:81/ HTTP/1.1"), "b"],
    [line("OPTIONS http://b HTTP/1.1"), "b"],
    [line("CONNECT b:443 HTTP/1.1"), "b"],
    [line("OPTIONS * HTTP/1.1"), "a"],
  ];
  for (const [input, host] of cases) assertEquals(nextRequest(connectionWith(input)).host, host, input);
});

Deno.test("nextEvent() keeps no Host from one request to the next", () => {
  const connection = connectionWith(
    "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n" +
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  for (const host of ["a", "b", "", "a"]) {
    assertEquals(nextRequest(connection).host, host);
    answer(connection, 0);
    assert(connection.startNextCycle());
  }
});

Deno.test("nextEvent() gives what follows from the head", () => {
  const { head, target, contentLength, expectsContinue, rejection } = nextRequest(connectionWith(
    "POST /a%20b?c HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
  ));
  assertEquals([head.method, head.target, head.version, head.fields.size], ["POST", "/a%20b?c", "1.1", 3]);
  assertEquals([target.path, target.query, contentLength, expectsContinue, rejection], ["/a b", "c", 5, true, null]);
  assert(!nextRequest(connectionWith(fields("Expect: 100-continue\r\n"))).expectsContinue);
});

Deno.test("nextEvent() tells whether content follows, and its length where the head says it", () => {
  const cases: readonly (readonly [input: string, hasContent: boolean, length: number | null])[] = [
    [line("GET / HTTP/1.1"), false, 0],
    [post(["Content-Length: 0"], ""), false, 0],
    [post(["Content-Length: 5"], ""), true, 5],
    [post(["Transfer-Encoding: chunked"], ""), true, null],
  ];
  for (const [input, hasContent, length] of cases) {
    const request = nextRequest(connectionWith(input));
    assertEquals([request.hasContent, request.contentLength], [hasContent, length], input);
  }
});

/** Answers with 200 and that length; content of so many bytes is announced, the rest is the caller's. */
function answer(connection: Connection, length: number | null, sent = length ?? 0): string {
  const output = new OutputBuffer();
  connection.sendHead(output, { status: 200, fields: HeaderFields.EMPTY, length }, 0);
  if (sent > 0) output.append(connection.sendData(sent));
  if (sent > 0) output.append(connection.dataEnd);
  output.append(connection.sendEnd());
  const text = textOf(output.takeAll());
  return text.slice(text.indexOf("Connection: "));
}

Deno.test("sendHead() finds the framing of the answer by length, version and method", () => {
  const cases: readonly (readonly [request: string, length: number | null, want: string, goesOn: boolean])[] = [
    ["GET / HTTP/1.1", 5, "Connection: keep-alive\r\nContent-Length: 5\r\n\r\n", true],
    ["GET / HTTP/1.1", 0, "Connection: keep-alive\r\nContent-Length: 0\r\n\r\n", true],
    ["GET / HTTP/1.1", null, "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\r\n0\r\n\r\n", true],
    ["GET / HTTP/1.0", 5, "Connection: close\r\nContent-Length: 5\r\n\r\n", false],
    ["GET / HTTP/1.0", null, "Connection: close\r\n\r\n", false],
    ["GET / HTTP/1.0\r\nConnection: keep-alive", 5, "Connection: keep-alive\r\nContent-Length: 5\r\n\r\n", true],
    ["GET / HTTP/1.0\r\nConnection: keep-alive", null, "Connection: close\r\n\r\n", false],
  ];
  for (const [request, length, want, goesOn] of cases) {
    const connection = connectionWith(`${request}\r\nHost: a\r\n\r\n`);
    nextRequest(connection);
    assertEquals(answer(connection, length, length ?? 5), want);
    assertEquals(connection.startNextCycle(), goesOn, request);
  }
});

Deno.test("sendEnd() sends nothing after the head of an answer to HEAD", () => {
  for (const [length, want] of [[5, "Content-Length: 5"], [null, "Transfer-Encoding: chunked"]] as const) {
    const connection = connectionWith(line("HEAD / HTTP/1.1") + line("GET / HTTP/1.1"));
    nextRequest(connection);
    assertEquals(answer(connection, length, 0), `Connection: keep-alive\r\n${want}\r\n\r\n`);
    assert(!connection.sendsContent);
    assert(connection.startNextCycle());
    // Nothing of HEAD is left for the next request.
    nextRequest(connection);
    answer(connection, 5);
    assert(connection.sendsContent);
  }
});

Deno.test("sendData() and sendEnd() throw for content of another length than was said", () => {
  for (const sent of [4, 6]) {
    const connection = connectionWith(line("GET / HTTP/1.1"));
    nextRequest(connection);
    assertThrows(() => answer(connection, 5, sent), Error, sent > 5 ? "longer than its length" : "1 bytes shorter");
  }
});

Deno.test("startNextCycle() ends the connection when the request was not read to its end", () => {
  const connection = connectionWith(post(["Content-Length: 5"], "he"));
  nextRequest(connection);
  answer(connection, 0);
  assert(!connection.startNextCycle());
  assertEquals([connection.requestState, connection.responseState], ["must_close", "must_close"]);
  connection.close();
  assertEquals(connection.responseState, "closed");
});

Deno.test("sendErrorHead() ends the connection whether there is a request or none", () => {
  for (const input of ["", "GET", "GET  /", line("GET / HTTP/1.1"), line("GET / HTTP/2.0")]) {
    const connection = connectionWith(input);
    try {
      connection.nextEvent();
    } catch {
      // What was wrong with the request is what the tables test.
    }
    connection.sendErrorHead(new OutputBuffer(), { status: 408, fields: HeaderFields.EMPTY, length: 0 }, 0);
    connection.sendEnd();
    assert(!connection.startNextCycle(), input);
    connection.close();
    assertEquals(connection.responseState, "closed");
  }
});

Deno.test("Connection throws plain Error for what its tables do not have", () => {
  const head = { status: 200, fields: HeaderFields.EMPTY, length: 0 };
  const output = new OutputBuffer();
  const unasked = connectionWith("");
  const asked = connectionWith(line("GET / HTTP/1.1"));
  nextRequest(asked);
  const answered = connectionWith(line("GET / HTTP/1.1"));
  nextRequest(answered);
  answer(answered, 0);
  const calls: readonly (() => void)[] = [
    () => unasked.sendHead(output, head, 0),
    () => unasked.sendContinue(),
    () => asked.sendData(1),
    () => asked.sendEnd(),
    () => asked.startNextCycle(),
    () => answered.sendHead(output, head, 0),
    () => answered.sendContinue(),
  ];
  for (const call of calls) assertThrows(call, Error, "half:");
});

Deno.test("switchProtocols() sends 101 with what it is given, and no request is read after it", () => {
  const input = line("GET / HTTP/1.1");
  const connection = connectionWith(input + input);
  nextRequest(connection);
  const output = new OutputBuffer();
  connection.switchProtocols(output, HeaderFields.of(["Upgrade", "x"]));
  assertEquals(
    textOf(output.takeAll()),
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  );
  assertEquals([connection.nextEvent(), connection.requestState], [{ type: "need_data" }, "switched"]);
  assertThrows(() => connection.sendEnd(), Error, "half:");
  assertEquals([connection.startNextCycle(), connection.hasUnreadBytes], [false, true]);
  connection.close();
  assertEquals(connection.responseState, "closed");
  const receiving = connectionWith(post(["Content-Length: 5"], "hel"));
  nextRequest(receiving);
  assertThrows(() => receiving.switchProtocols(output, HeaderFields.EMPTY), Error, "half:");
});
