/** Requests that ./lisod hands on to a FastCGI application, whose every byte the test decides. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { steadyDescriptors } from "./descriptors.ts";
import { type Answer, end, errors, FastCgiApplication, output, record } from "./fastcgi_application.ts";
import { curl, startServer, type TestServer } from "./harness.ts";

const HEAD = "Content-Type: text/plain\n\n";

interface Running extends AsyncDisposable {
  readonly application: FastCgiApplication;
  readonly server: TestServer;
  readonly folder: string;
}

async function start(answer: Answer, args: readonly string[] = []): Promise<Running> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-fastcgi-" });
  const path = `${folder}/application.sock`;
  const application = FastCgiApplication.onUnix(path, answer);
  const server = await startServer({
    args: [`--forward=/app=fastcgi:unix:${path}`, "--half-closed-ms=100ms", ...args],
  });
  return {
    ...{ application, server, folder },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await application[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** An application that answers at once, with what `text` gives. */
function answering(text: (received: Parameters<Answer>[0]) => string): Answer {
  return async (received) => {
    await received.content;
    await received.send(output(HEAD + text(received)), record(6), end());
    if (!received.keeps) received.close();
  };
}

async function statusOf(url: string, ...args: readonly string[]): Promise<string> {
  return (await curl("--output", "/dev/null", "--write-out", "%{http_code}", ...args, url)).text;
}

Deno.test("--forward gives an application the variables of CGI: the prefix is its name, what follows its path", async () => {
  await using running = await start(answering(({ variables }) => JSON.stringify(variables)));
  const { server: { url }, application } = running;
  const { text } = await curl(`${url}/app/a%20b//c/?x=%20y`, "-H", "X-A: 1", "-H", "Proxy: evil", "-H", "X_A: 2");
  const variables = JSON.parse(text);
  const told = ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "REQUEST_METHOD", "GATEWAY_INTERFACE"];
  assertEquals(told.map((name) => variables[name]), [
    ...["/app", "/a b//c/", "x=%20y", "/app/a%20b//c/?x=%20y", "GET", "CGI/1.1"],
  ]);
  assertEquals([variables.HTTP_X_A, "HTTP_PROXY" in variables, "CONTENT_LENGTH" in variables], ["1", false, false]);
  const bare = JSON.parse((await curl(`${url}/app`)).text);
  assertEquals([bare.SCRIPT_NAME, "PATH_INFO" in bare], ["/app", false]);
  assertEquals(await statusOf(`${url}/application`), "404");
  assertEquals(application.requests.length, 2);
});

Deno.test("--forward hands content on as it comes, and spools what comes in chunks for its length", async () => {
  await using running = await start(async (received) => {
    const content = await received.content;
    await received.send(output(`${HEAD}${received.variables.CONTENT_LENGTH} ${content?.length}`), end());
  });
  const { server: { url }, folder } = running;
  await Deno.writeFile(`${folder}/content`, new Uint8Array(5_000_000).fill(65));
  const post = ["--data-binary", `@${folder}/content`];
  assertEquals((await curl(`${url}/app/`, ...post)).text, "5000000 5000000");
  assertEquals((await curl(`${url}/app/`, ...post, "-H", "Transfer-Encoding: chunked")).text, "5000000 5000000");
  assertEquals((await curl(`${url}/app/`, "--data-binary", "")).text, "0 0");
});

Deno.test("--forward uses a connection again for what may be asked twice, and none that was broken", async () => {
  await using running = await start(answering(({ connection }) => `${connection}`), ["--forward-keep-ms=60m"]);
  const { server: { url }, application } = running;
  const get = async (...args: readonly string[]) => (await curl(`${url}/app/`, ...args)).text;
  assertEquals([await get(), await get(), await get("--data", "x"), await get()], ["0", "0", "1", "1"]);
  // The application ends what is idle: nobody is answered 502 for it.
  for (const { close } of application.requests) close();
  assertEquals([await get(), await get()], ["2", "2"]);
});

Deno.test("--forward asks again on a new connection where a kept one ends before an answer", async () => {
  await using running = await start(async (received) => {
    if (received.variables.QUERY_STRING === "break" && received.connection === 0) return received.close();
    await received.send(output(`${HEAD}${received.connection}`), end());
  }, ["--forward-keep-ms=60m"]);
  const { server: { url } } = running;
  assertEquals((await curl(`${url}/app/`)).text, "0");
  assertEquals((await curl(`${url}/app/?break`)).text, "1");
});

Deno.test("--max-forward-idle-count 0 asks the application to close", async () => {
  await using running = await start(answering(({ keeps }) => `${keeps}`), ["--max-forward-idle-count=0"]);
  assertEquals((await curl(`${running.server.url}/app/`)).text, "false");
});

Deno.test("--forward writes what an application says beside its answer to the log, and the status that it ends with", async () => {
  await using running = await start(async ({ send }) => {
    await send(errors("one\ntwo"), output(HEAD), errors(" and a half\n"), output("Hello"), end(3));
  });
  const { server } = running;
  assertEquals((await curl(`${server.url}/app/`)).text, "Hello");
  await server.waitForLog((log) => log.includes("Ended with status 3"));
  assertMatch(server.logText(), /WARN.*fastcgi:unix:\S+ one\n.*WARN.*fastcgi:unix:\S+ two and a half\n/);
});

interface Failing {
  readonly name: string;
  readonly answer: Answer;
  readonly status: string;
  readonly log: RegExp;
  readonly args?: readonly string[];
}

const FAILING: readonly Failing[] = [
  {
    name: "closes at once",
    answer: ({ close }) => close(),
    status: "502",
    log: /closed the connection before the end|connection reset|has reset the connection/,
  },
  {
    name: "ends without a word",
    answer: ({ send }) => send(end()),
    status: "502",
    log: /printed nothing/,
  },
  {
    name: "ends within its head",
    answer: ({ send }) => send(output("Content-Type: text"), end()),
    status: "502",
    log: /incomplete head/,
  },
  { name: "prints no head", answer: ({ send }) => send(output("Hello\n\n"), end()), status: "502", log: /head/ },
  {
    name: "speaks HTTP",
    answer: ({ send }) => send(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")),
    status: "502",
    log: /not FastCGI: a record of version 72/,
  },
  {
    name: "is overloaded",
    answer: ({ send }) => send(end(0, 2)),
    status: "503",
    log: /refused the request: overloaded/,
  },
  { name: "knows no responder", answer: ({ send }) => send(end(0, 3)), status: "502", log: /unknown role/ },
  {
    name: "says nothing",
    answer: () => {},
    status: "504",
    log: /printed no head within 300 ms/,
    args: ["--script-ms=300ms"],
  },
];

for (const { name, answer, status, log, args } of FAILING) {
  Deno.test(`--forward answers ${status} where the application ${name}, and serves on`, async () => {
    let isFirst = true;
    await using running = await start((received) => {
      if (!isFirst) return answering(() => "well")(received);
      isFirst = false;
      return answer(received);
    }, args);
    const { server } = running;
    assertEquals(await statusOf(`${server.url}/app/`), status);
    await server.waitForLog((text) => log.test(text));
    assertEquals((await curl(`${server.url}/app/`)).text, "well");
  });
}

Deno.test("--forward cuts an answer whose application ends the connection within it", async () => {
  await using running = await start(async ({ send, close }) => {
    await send(output(`Content-Length: 100000\n\n${"x".repeat(50_000)}`));
    close();
  });
  const { code, text } = await curl(`${running.server.url}/app/`);
  assertEquals([code, text], [18, "x".repeat(50_000)]);
});

Deno.test("--forward answers 502 where no socket is or nobody listens, and as soon as somebody does the answer", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-fastcgi-" });
  const path = `${folder}/late.sock`;
  await using server = await startServer({ args: [`--forward=/app=fastcgi:unix:${path}`] });
  assertEquals(await statusOf(`${server.url}/app/`), "502");
  const dead = Deno.listen({ transport: "unix", path: `${folder}/dead.sock` });
  await Deno.rename(`${folder}/dead.sock`, path);
  dead.close();
  assertEquals(await statusOf(`${server.url}/app/`), "502");
  await server.waitForLog((log) => log.includes("does not exist") && log.includes("connection refused"));
  await Deno.remove(path);
  await using _application = FastCgiApplication.onUnix(path, answering(() => "there"));
  assertEquals((await curl(`${server.url}/app/`)).text, "there");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("--forward reaches an application over TCP, for all of a site", async () => {
  await using application = FastCgiApplication.onTcp(answering(({ variables }) => variables.PATH_INFO));
  const { port } = application;
  await using server = await startServer({
    commandLine: ({ log }) => [
      ...["--http", "0", "--listen", "127.0.0.1", "--log", log, "--foreground"],
      ...["--forward", `/=fastcgi:127.0.0.1:${port}`],
    ],
  });
  assertEquals((await curl(`${server.url}/any/path`)).text, "/any/path");
});

Deno.test("--forward keeps the runtime's right to the network for TCP alone, and a socket's path by its name", async () => {
  await using running = await start(answering(() => ""));
  const line = running.server.logText().split("\n").find((text) => text.includes("application.sock")) ?? "";
  assertMatch(line, /read .*application\.sock.*write .*application\.sock/);
  assert(!/\bnet\b/.test(line), line);
});

Deno.test("--forward aborts the request of a client that has gone, and lets go of the connection", async () => {
  const begun = Promise.withResolvers<Parameters<Answer>[0]>();
  await using running = await start(async (received) => {
    await received.send(output(`${HEAD}part`));
    begun.resolve(received);
  });
  const client = new Deno.Command("curl", {
    args: ["--silent", "--no-buffer", `${running.server.url}/app/`],
    stdout: "null",
  }).spawn();
  const { aborted, closed } = await begun.promise;
  client.kill("SIGKILL");
  await client.status;
  assertEquals(await aborted, "aborted");
  await closed;
});

Deno.test("--forward waits for an application that takes no content, and for a client that takes no answer", async () => {
  const size = 30_000_000;
  await using running = await start(async ({ content, send, variables }) => {
    if (variables.REQUEST_METHOD === "POST") await content;
    await send(output(`Content-Length: ${size}\n\n`));
    const part = output(new Uint8Array(60_000).fill(66));
    for (let sent = 0; sent < size; sent += 60_000) await send(part);
    await send(end());
  });
  const { text } = await curl(`${running.server.url}/app/`, "--limit-rate", "40M");
  assertEquals(text.length, size);
});

Deno.test("--forward takes an answer that comes before the content is there", async () => {
  await using running = await start(async ({ send }) => {
    await send(output(`Status: 413\n${HEAD}too much`), end());
  });
  const { server: { url }, folder } = running;
  await Deno.writeFile(`${folder}/content`, new Uint8Array(20_000_000));
  const { text } = await curl(`${url}/app/`, "-X", "POST", "-T", `${folder}/content`, "-w", " %{http_code}");
  assertMatch(text, /too much 413/);
});

Deno.test("--forward leaves no descriptor open, whatever became of the requests", async () => {
  await using running = await start(async ({ send, close, variables: { QUERY_STRING: query } }) => {
    if (query === "close") return close();
    await send(output(`${HEAD}x`));
    if (query === "cut") return close();
    await send(end());
  }, ["--max-forward-idle-count=0"]);
  const { server } = running;
  await curl(`${server.url}/app/`);
  const before = await steadyDescriptors(server.pid);
  for (const query of ["", "close", "cut"]) {
    for (let count = 0; count < 10; count++) await curl(`${server.url}/app/?${query}`);
  }
  assertEquals(await steadyDescriptors(server.pid), before);
});

Deno.test("--forward HEAD has the length that the application names, and none that GET would not have", async () => {
  await using running = await start(async ({ send, variables }) => {
    const isHead = variables.REQUEST_METHOD === "HEAD";
    const length = variables.PATH_INFO === "/named" ? "Content-Length: 4\n" : "";
    await send(output(`${length}${HEAD}${isHead ? "" : "here"}`), end());
  });
  const { server: { url } } = running;
  for (const [name, length] of [["named", "4"], ["", null]] as const) {
    // Where the answer comes as a whole, and it does not each time.
    for (let count = 0; count < 10; count++) {
      const response = await fetch(`${url}/app/${name}`, { method: "HEAD" });
      assertEquals([response.headers.get("content-length"), await response.text()], [length, ""], name);
    }
    assertEquals(await (await fetch(`${url}/app/${name}`)).text(), "here");
  }
});

Deno.test("--forward HEAD has the fields of the answer alone, and a local redirect is followed", async () => {
  await using running = await start(async ({ send, variables }) => {
    if (variables.PATH_INFO === "/there") await send(output("Location: /app/here\n\n"), end());
    else await send(output(`${HEAD}here`), end());
  });
  const { server: { url } } = running;
  assertMatch((await curl("--head", `${url}/app/`)).text, /200 OK[^]*Content-Type: text\/plain[^]*\r\n\r\n$/);
  assertEquals((await curl(`${url}/app/there`)).text, "here");
});
