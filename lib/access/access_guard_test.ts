import { assertEquals, assertRejects } from "@std/assert";
import { type Field, HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY, HttpError, type HttpRequest } from "../http/message.ts";
import { AccessGuard, type GuardOptions, type Realm } from "./access_guard.ts";
import { type AccessRule, parseAccessRule } from "./access_rules.ts";
import { parsePrefix, type PathPrefix } from "../http/path_prefix.ts";

const LIMITS = { maxRate: 0, maxGuessCount: 2, guessMs: 60_000 };

function requestOf(path: string, options: { address?: string; credentials?: string } = {}): HttpRequest {
  const { address = "192.0.2.1", credentials } = options;
  const field: Field[] = credentials === undefined ? [] : [["Authorization", `Basic ${btoa(credentials)}`]];
  return {
    method: "GET",
    target: path,
    version: "1.1",
    fields: HeaderFields.of(...field),
    path,
    query: "",
    host: "",
    body: EMPTY_BODY,
    connection: { id: 1, remoteAddress: address, remotePort: 1, localAddress: "", localPort: 80, secure: false },
    signal: new AbortController().signal,
  };
}

function prefixOf(text: string): PathPrefix {
  return parsePrefix(text) ?? { segments: ["no prefix"] };
}

function realmOf(name: string, prefix: string, users: Record<string, string>): Realm {
  return { name, prefix: prefixOf(prefix), users: new Map(Object.entries(users)) };
}

const PRIVATE = realmOf("Private", "/private", { eva: "hash of secret", adam: "hash of apple" });

/** A guard for which the hash of x is "hash of x"; counts what it computed, and keeps what it logged. */
function makeGuard(options: Partial<GuardOptions>) {
  const clock = { nowMs: 1_000_000 };
  const computed: string[] = [];
  const logged: string[] = [];
  const guard = new AccessGuard({
    rules: [],
    realms: [],
    limits: LIMITS,
    nowMs: () => clock.nowMs,
    checkPassword: async (password, hash) => {
      computed.push(`${password} ${hash}`);
      await Promise.resolve();
      return hash === `hash of ${password}`;
    },
    log: { info: (source, text) => void logged.push(`${source}: ${text}`) },
    ...options,
  });
  return { guard, clock, computed, logged };
}

/** Status and the field that belongs to it; "user NAME" or "nobody" where the request is admitted. */
async function outcome(guard: AccessGuard, request: HttpRequest): Promise<string> {
  try {
    const user = await guard.admit(request);
    return user === null ? "nobody" : `user ${user.name} by ${user.scheme}`;
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const { status, fields } = error;
    return `${status} ${fields.get("www-authenticate") ?? fields.get("retry-after") ?? ""}`.trim();
  }
}

const CHALLENGE = '401 Basic realm="Private", charset="UTF-8"';

Deno.test("admit() finds the user by the right credentials and asks for them otherwise", async () => {
  const table: readonly [string, string | undefined, string][] = [
    ["/", undefined, "nobody"],
    ["/privates", undefined, "nobody"],
    ["/private", undefined, CHALLENGE],
    ["//private/x", undefined, CHALLENGE],
    ["/private/x", "eva:secret", "user eva by Basic"],
    ["/private/x", "adam:apple", "user adam by Basic"],
    ["/private/x", "eva:apple", CHALLENGE],
    ["/private/x", "eva:", CHALLENGE],
    ["/private/x", "Eva:secret", CHALLENGE],
    // Checked against the hash of another user for the sake of time, and still nobody.
    ["/private/x", "nobody:secret", CHALLENGE],
    ["/private/x", "constructor:secret", CHALLENGE],
  ];
  for (const [path, credentials, want] of table) {
    const { guard } = makeGuard({ realms: [PRIVATE] });
    assertEquals(await outcome(guard, requestOf(path, { credentials })), want, `${path} ${credentials}`);
  }
});

Deno.test("admit() asks the realm of the longest prefix", async () => {
  const inner = realmOf("Inner", "/private/inner", { eva: "hash of other" });
  for (const realms of [[PRIVATE, inner], [inner, PRIVATE]]) {
    const { guard } = makeGuard({ realms });
    assertEquals(
      await outcome(guard, requestOf("/private/inner/x", { credentials: "eva:other" })),
      "user eva by Basic",
    );
    assertEquals(await outcome(guard, requestOf("/private/x", { credentials: "eva:secret" })), "user eva by Basic");
    const challenge = '401 Basic realm="Inner", charset="UTF-8"';
    assertEquals(await outcome(guard, requestOf("/private/inner", { credentials: "eva:secret" })), challenge);
  }
});

Deno.test("admit() computes a hash once for credentials that are right, also when asked many times at once", async () => {
  const { guard, computed } = makeGuard({ realms: [PRIVATE] });
  const request = requestOf("/private/x", { credentials: "eva:secret" });
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => outcome(guard, request)));
  assertEquals(new Set(outcomes), new Set(["user eva by Basic"]));
  assertEquals(await outcome(guard, request), "user eva by Basic");
  assertEquals(computed, ["secret hash of secret"]);
});

Deno.test("admit() forgets credentials when the user has another password or is gone", async () => {
  const { guard } = makeGuard({ realms: [PRIVATE] });
  const request = requestOf("/private/x", { credentials: "eva:secret" });
  assertEquals(await outcome(guard, request), "user eva by Basic");
  guard.replaceRealms([realmOf("Private", "/private", { eva: "hash of new" })]);
  assertEquals(await outcome(guard, request), CHALLENGE);
  guard.replaceRealms([realmOf("Private", "/private", { adam: "hash of secret" })]);
  assertEquals(await outcome(guard, request), CHALLENGE);
  guard.replaceRealms([realmOf("Private", "/private", {})]);
  assertEquals(await outcome(guard, request), CHALLENGE);
});

Deno.test("admit() limits the guesses of an address, wrong ones alone", async () => {
  const { guard, clock, computed } = makeGuard({ realms: [PRIVATE] });
  const ask = (credentials: string, address?: string) =>
    outcome(guard, requestOf("/private", { credentials, address }));
  for (let count = 0; count < 5; count++) {
    assertEquals(await ask("adam:apple"), "user adam by Basic");
    guard.replaceRealms([PRIVATE]);
  }
  assertEquals(await ask("eva:1"), CHALLENGE);
  // The password of the user in whose place an unknown one is checked is a wrong one as well.
  assertEquals(await ask("unknown:secret"), CHALLENGE);
  assertEquals(await ask("eva:2"), "429 30");
  assertEquals(await ask("eva:secret"), "429 30");
  assertEquals(computed.includes("secret hash of secret"), true);
  assertEquals(computed.length, 3);
  // Who is known goes on, and so does everybody elsewhere.
  assertEquals(await ask("adam:apple"), "user adam by Basic");
  assertEquals(await ask("eva:secret", "192.0.2.2"), "user eva by Basic");
  clock.nowMs += 30_000;
  assertEquals([await ask("eva:3"), await ask("eva:4")], [CHALLENGE, "429 30"]);
});

Deno.test("admit() logs which credentials were wrong, and nothing of none or of a password", async () => {
  const refusalOf = async (guard: AccessGuard, request: HttpRequest) =>
    (await assertRejects(() => guard.admit(request), HttpError)).message;
  const table: readonly { credentials?: string; message: string; logged: readonly string[] }[] = [
    { message: "No credentials", logged: [] },
    { credentials: "no colon", message: "An Authorization field without user and password", logged: [] },
    {
      credentials: "eva:apple",
      message: 'Wrong credentials for user "eva"',
      logged: ['access: 192.0.2.1: wrong password of "eva", for "Private"'],
    },
    {
      credentials: "mallory:secret",
      message: 'Wrong credentials for user "mallory"',
      logged: ['access: 192.0.2.1: no user is called "mallory", for "Private"'],
    },
    {
      credentials: 'a" 192.0.2.9:x',
      message: 'Wrong credentials for user "a" 192.0.2.9"',
      logged: ['access: 192.0.2.1: no user is called "a\\" 192.0.2.9", for "Private"'],
    },
  ];
  for (const { credentials, message, logged } of table) {
    const made = makeGuard({ realms: [PRIVATE] });
    assertEquals(await refusalOf(made.guard, requestOf("/private", { credentials })), message);
    assertEquals(made.logged, logged);
  }
});

Deno.test("admit() logs each guess once, and none beyond the limit", async () => {
  const { guard, logged } = makeGuard({ realms: [PRIVATE] });
  const ask = (credentials: string) => outcome(guard, requestOf("/private", { credentials }));
  await Promise.all(Array.from({ length: 4 }, () => ask("eva:1")));
  assertEquals(logged.length, 1);
  for (const password of ["2", "3", "4"]) await ask(`eva:${password}`);
  assertEquals(await ask("eva:5"), "429 30");
  assertEquals(logged.length, 2);
});

Deno.test("admit() counts guesses that are made at once", async () => {
  const { guard } = makeGuard({ realms: [PRIVATE] });
  const guesses = Array.from({ length: 6 }, (_, at) => requestOf("/private", { credentials: `eva:${at}` }));
  const outcomes = await Promise.all(guesses.map((request) => outcome(guard, request)));
  assertEquals(outcomes.toSorted(), [CHALLENGE, CHALLENGE, "429 30", "429 30", "429 30", "429 30"]);
});

Deno.test("admit() passes on that the check was refused, and computes again the next time", async () => {
  let isFull = true;
  const { guard } = makeGuard({
    realms: [PRIVATE],
    checkPassword: () => isFull ? Promise.reject(new HttpError(503, "Full")) : Promise.resolve(true),
  });
  const request = requestOf("/private", { credentials: "eva:secret" });
  assertEquals(await outcome(guard, request), "503");
  isFull = false;
  assertEquals(await outcome(guard, request), "user eva by Basic");
});

Deno.test("admit() refuses an address before it asks for a password", async () => {
  const rules = [parseAccessRule("10.0.0.0/8:/private", true)].filter((rule): rule is AccessRule => rule !== null);
  const { guard } = makeGuard({ realms: [PRIVATE], rules });
  assertEquals(await outcome(guard, requestOf("/private", { credentials: "eva:secret" })), "403");
  assertEquals(await outcome(guard, requestOf("/private", { address: "10.0.0.1" })), CHALLENGE);
});

Deno.test("admit() limits the requests of an address", async () => {
  const { guard, clock } = makeGuard({ limits: { ...LIMITS, maxRate: 3 } });
  const ask = (address: string) => outcome(guard, requestOf("/", { address }));
  const many = async () => [await ask("2001:db8::1"), await ask("2001:db8::2"), await ask("2001:db8::3")];
  assertEquals(await many(), ["nobody", "nobody", "nobody"]);
  assertEquals(await ask("2001:db8::4"), "429 1");
  assertEquals(await ask("2001:db8:0:1::1"), "nobody");
  clock.nowMs += 1000;
  assertEquals(await many(), ["nobody", "nobody", "nobody"]);
});

Deno.test("isNeeded is false when there is nothing to guard", () => {
  assertEquals(makeGuard({}).guard.isNeeded, false);
  assertEquals(makeGuard({ realms: [PRIVATE] }).guard.isNeeded, true);
  assertEquals(makeGuard({ limits: { ...LIMITS, maxRate: 1 } }).guard.isNeeded, true);
});

Deno.test("admit() throws an error of the server as it is", async () => {
  const failure = new Error("The worker failed");
  const { guard } = makeGuard({ realms: [PRIVATE], checkPassword: () => Promise.reject(failure) });
  await assertRejects(
    async () => await guard.admit(requestOf("/private", { credentials: "eva:x" })),
    Error,
    failure.message,
  );
});
