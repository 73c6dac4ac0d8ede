import { assertEquals, assertThrows } from "@std/assert";
import { fieldValue, fieldValues, parseResponses, toBytes, toText } from "./raw_http.ts";

const OK = "HTTP/1.1 200 OK\r\n";

Deno.test("parseResponses() takes what is whole when it reads responses", () => {
  const table: readonly {
    name: string;
    input: string;
    methods?: readonly string[];
    isClosed?: boolean;
    count?: number;
    want: readonly string[];
    rest: string;
  }[] = [
    { name: "nothing", input: "", want: [], rest: "" },
    { name: "a length", input: `${OK}Content-Length: 3\r\n\r\nabc`, want: ["200 abc"], rest: "" },
    { name: "half a head", input: `${OK}Content-Length: 3\r\n`, want: [], rest: `${OK}Content-Length: 3\r\n` },
    {
      name: "half a body",
      input: `${OK}Content-Length: 3\r\n\r\nab`,
      want: [],
      rest: `${OK}Content-Length: 3\r\n\r\nab`,
    },
    {
      name: "two and a rest",
      input: `${OK}Content-Length: 1\r\n\r\naHTTP/1.1 404 Not Found\r\ncontent-length: 1\r\n\r\nbHTT`,
      want: ["200 a", "404 b"],
      rest: "HTT",
    },
    {
      name: "chunks",
      input: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nA\r\n0123456789\r\n0\r\n\r\n`,
      want: ["200 ab0123456789"],
      rest: "",
    },
    {
      name: "half a chunk",
      input: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n`,
      want: [],
      rest: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n`,
    },
    {
      name: "an interim response",
      input: `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
      want: ["100 ", "200 "],
      rest: "",
    },
    { name: "no content in 204", input: "HTTP/1.1 204 No Content\r\n\r\n", want: ["204 "], rest: "" },
    {
      name: "no content in 304",
      input: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
      want: ["304 "],
      rest: "",
    },
    {
      name: "no content for HEAD",
      input: `${OK}Content-Length: 5\r\n\r\n`,
      methods: ["HEAD"],
      want: ["200 "],
      rest: "",
    },
    {
      name: "HEAD after an interim response and a GET",
      input: `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 1\r\n\r\na${OK}Content-Length: 5\r\n\r\n`,
      methods: ["GET", "HEAD"],
      want: ["100 ", "200 a", "200 "],
      rest: "",
    },
    {
      name: "one of two",
      input: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
      count: 1,
      want: ["100 ", "204 "],
      rest: `${OK}Content-Length: 0\r\n\r\n`,
    },
    { name: "no length and open", input: `${OK}\r\nabc`, want: [], rest: `${OK}\r\nabc` },
    { name: "no length and closed", input: `${OK}\r\nabc`, isClosed: true, want: ["200 abc"], rest: "" },
  ];
  for (const { name, input, want, rest, ...options } of table) {
    const parsed = parseResponses(toBytes(input), options);
    assertEquals(parsed.responses.map(({ status, body }) => `${status} ${toText(body)}`), want, name);
    assertEquals(toText(parsed.rest), rest, name);
  }
});

Deno.test("parseResponses() throws when no server may send that", () => {
  const table: readonly { input: string; message: string }[] = [
    { input: "HTTP/2.0 200 OK\r\n\r\n", message: "status line" },
    { input: "HTTP/1.1 200\r\n\r\n", message: "status line" },
    { input: "HTTP/1.1  200 OK\r\n\r\n", message: "status line" },
    { input: `${OK}No colon\r\n\r\n`, message: "field line" },
    { input: `${OK}Name : value\r\n\r\n`, message: "field line" },
    { input: `${OK}A: b\nC: d\r\n\r\n`, message: "field line" },
    { input: `${OK}Content-Length: 1, 1\r\n\r\na`, message: "Content-Length" },
    { input: `${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`, message: "2 times" },
    { input: `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na`, message: "Both" },
    { input: `${OK}Transfer-Encoding: gzip\r\n\r\n`, message: "transfer coding" },
    { input: `${OK}Transfer-Encoding: chunked\r\n\r\nx\r\n`, message: "chunk size" },
    { input: `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nabc`, message: "after a chunk" },
    { input: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", message: "Framing fields" },
    { input: "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", message: "Framing fields" },
  ];
  for (const { input, message } of table) {
    assertThrows(() => parseResponses(toBytes(input)), Error, message);
  }
});

Deno.test("fieldValue() finds the value when the case of the name differs", () => {
  const input = toBytes(`${OK}X-A:  one \r\nx-b: \r\nX-a: two\r\nContent-Length: 0\r\n\r\n`);
  const [response] = parseResponses(input).responses;
  assertEquals(fieldValues(response, "x-A"), ["one", "two"]);
  assertEquals(fieldValue(response, "X-B"), "");
  assertEquals(fieldValue(response, "X-C"), null);
  assertThrows(() => fieldValue(response, "X-A"), Error, "2 times");
});
