/** The content of a request, its method and its search words, as a program gets them. RFC 3875 4.1.2, 4.2, 4.3 and 4.4. */
import { ANSWER_MS, Client, requestText } from "../answer.ts";
import type { Point } from "../point.ts";
import { given, status } from "../tell.ts";

const CONTENT = given("CONTENT_LENGTH", "content", "after");

/** The words of a query. */
const WORDS = { section: "4.4", program: "probe", tell: given("arguments", "argument1", "argument2") } as const;

const METHOD = { section: "4.3", program: "probe", tell: given("REQUEST_METHOD") } as const;

export const REQUESTS: readonly Point[] = [
  {
    name: "A GET without content",
    section: "4.1.2",
    program: "probe",
    tell: CONTENT,
    lisod: 'CONTENT_LENGTH unset, content "", after "end"',
    why:
      "4.1.2: CONTENT_LENGTH is set if and only if there is content; standard input is /dev/null, so that reading ends.",
  },
  {
    name: "A GET with content",
    section: "4.1.2",
    program: "probe",
    ask: { fields: ["Content-Length: 5"], body: "hello" },
    tell: CONTENT,
    lisod: 'CONTENT_LENGTH "5", content "hello", after "end"',
    why: "RFC 9110 9.3.1: it has no meaning of its own, and a program may give it one.",
  },
  {
    name: "A POST with content",
    section: "4.2",
    program: "probe",
    ask: { method: "POST", fields: ["Content-Length: 5"], body: "hello" },
    tell: CONTENT,
    lisod: 'CONTENT_LENGTH "5", content "hello", after "end"',
    why: "4.2: at least as much as was promised; and then the end, for many programs read to the end.",
  },
  {
    name: "A POST with content of length 0",
    section: "4.1.2",
    program: "probe",
    ask: { method: "POST", fields: ["Content-Length: 0"] },
    tell: CONTENT,
    lisod: 'CONTENT_LENGTH "0", content "", after "end"',
    why: "RFC 9112 6: the field says that there is content, of no bytes.",
  },
  {
    name: "A POST without a length",
    section: "4.1.2",
    program: "probe",
    ask: { method: "POST" },
    tell: CONTENT,
    lisod: 'CONTENT_LENGTH unset, content "", after "end"',
    why: "RFC 9112 6.3: without length and coding there is no content. By the course's rules it is 411.",
  },
  {
    name: "A POST in chunks",
    section: "4.2",
    program: "probe",
    ask: { method: "POST", fields: ["Transfer-Encoding: chunked"], body: "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" },
    tell: given("CONTENT_LENGTH", "content", "after", "HTTP_TRANSFER_ENCODING"),
    lisod: 'CONTENT_LENGTH "5", content "hello", after "end", HTTP_TRANSFER_ENCODING unset',
    why: "4.2 needs a length, so that the whole content is there before the program starts; the coding is gone then.",
  },
  {
    name: "CONTENT_TYPE of content without one",
    section: "4.1.3",
    program: "probe",
    ask: { method: "POST", fields: ["Content-Length: 5"], body: "hello" },
    tell: given("CONTENT_TYPE"),
    lisod: "unset",
    why: "4.1.3: unset, or a type that the server finds; a guess could be taken for what the client said.",
  },
  {
    name: "Content that the program does not read",
    section: "4.2",
    program: { prints: "Content-Type: text/plain\n\nhello" },
    ask: { method: "POST", fields: ["Content-Length: 1000"], body: "x".repeat(1000) },
    tell: status,
    lisod: "200",
    why: "4.2: a program need not read it. It is drained, so that the connection can go on.",
  },
  {
    name: "A client that waits for 100",
    section: "RFC 9110 10.1.1",
    program: "probe",
    does: "POST with Expect: 100-continue, the content when 100 has come or after a second",
    look: async ({ port, target }) => {
      using client = await Client.connect(port);
      await client.send(
        requestText(target, { method: "POST", fields: ["Expect: 100-continue", "Content-Length: 5"] }),
      );
      const isTold = await client.waitFor("\r\n\r\n", 1000);
      await client.send("hello");
      return `${isTold ? "100" : "no 100"}, content ${given("content")(await client.readToEnd(ANSWER_MS))}`;
    },
    lisod: '100, content "hello"',
    why: "100 is sent when the content is first wanted, so never for a program that does not exist.",
  },
  {
    ...METHOD,
    name: "The method PUT",
    ask: { method: "PUT", fields: ["Content-Length: 5"], body: "hello" },
    lisod: '"PUT"',
    why: "4.3: the method is the program's to know or to refuse.",
  },
  { ...METHOD, name: "The method DELETE", ask: { method: "DELETE" }, lisod: '"DELETE"', why: "As PUT." },
  {
    ...METHOD,
    name: "The method OPTIONS",
    ask: { method: "OPTIONS" },
    lisod: '"OPTIONS"',
    why: "As PUT: WebDAV and CORS need it.",
  },
  {
    ...METHOD,
    name: "The method BREW",
    ask: { method: "BREW" },
    lisod: '"BREW"',
    why: "4.3.4 lets a program have methods of its own. By the course's rules it is 501.",
  },
  {
    ...WORDS,
    name: "A query of two words",
    ask: { path: "?cat+dog" },
    lisod: 'arguments "2", argument1 "cat", argument2 "dog"',
    why: "4.4: each word is an argument.",
  },
  {
    ...WORDS,
    name: "A query with an equals sign",
    ask: { path: "?cat+a=b" },
    lisod: 'arguments "0", argument1 unset, argument2 unset',
    why: "4.4: a form, and no argument.",
  },
  {
    ...WORDS,
    name: "A query with an encoded equals sign",
    ask: { path: "?a%3Db" },
    lisod: 'arguments "1", argument1 "a\\x5C=b", argument2 unset',
    why: "4.4: only an unencoded one makes it a form; 7.2 has characters that a shell acts on behind a backslash.",
  },
  {
    ...WORDS,
    name: "A query with a blank and an ampersand, encoded",
    ask: { path: "?a%20%26b" },
    lisod: 'arguments "1", argument1 "a\\x5C \\x5C&b", argument2 unset',
    why: "7.2: escaped with a backslash, for many a program gives its arguments to a shell.",
  },
  {
    ...WORDS,
    name: "A query with an empty word",
    ask: { path: "?cat++dog" },
    lisod: 'arguments "0", argument1 unset, argument2 unset',
    why: "4.4: a search word has at least one character.",
  },
  {
    ...WORDS,
    name: "A query of one word with POST",
    ask: { path: "?cat", method: "POST", fields: ["Content-Length: 0"] },
    lisod: 'arguments "0", argument1 unset, argument2 unset',
    why: "4.4: for GET and HEAD alone.",
  },
  {
    ...WORDS,
    name: "A query with Latin-1",
    ask: { path: "?caf%E9" },
    lisod: 'arguments "1", argument1 "caf\\xE9", argument2 unset',
    why: "The byte is the program's to understand.",
  },
];
