import { assertEquals, assertRejects } from "@std/assert";
import { type Field, HeaderFields } from "../http/header_fields.ts";
import { EMPTY_BODY, HttpError, type HttpRequest } from "../http/message.ts";
import { createGuards, type PlacedAccess, type PlacedRealm } from "./access_guard.ts";
import { parseAccessRule, type PlacedRule } from "./access_rules.ts";
import { Authenticator, type AuthenticatorOptions } from "./authenticator.ts";
import { type Groups, parseRequirement, type PlacedRequirement } from "./requirements.ts";
import { cutPath } from "../http/located.ts";
import { parsePrefix, type PathPrefix } from "../http/path_prefix.ts";
import { PrefixTree } from "../http/prefix_tree.ts";

const LIMITS = { maxGuessCount: 2, guessMs: 60_000 };

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

function realmOf(name: string, prefix: string, users: Record<string, string>): PlacedRealm {
  return { name, prefix: prefixOf(prefix), users: new Map(Object.entries(users)) };
}

const PRIVATE = realmOf("Private", "/private", { eva: "hash of secret", adam: "hash of apple" });

interface MadeOptions extends Partial<AuthenticatorOptions> {
  readonly rules?: readonly PlacedRule[];
  readonly realms?: readonly PlacedRealm[];
  readonly requirements?: readonly PlacedRequirement[];
  readonly groups?: Groups;
}

/** The guards of all prefixes, behind one face. */
class Guards {
  readonly #access: Omit<PlacedAccess, "realms">;
  readonly #authenticator: Authenticator;
  #guards = new PrefixTree<ReturnType<typeof createGuards>[number]["guard"]>();

  constructor(
    authenticator: Authenticator,
    { rules = [], realms = [], requirements = [], groups = new Map() }: MadeOptions,
  ) {
    this.#access = { rules, requirements, groups };
    this.#authenticator = authenticator;
    this.replaceRealms(realms);
  }

  replaceRealms(realms: readonly PlacedRealm[]): void {
    const guards = createGuards({ ...this.#access, realms }, this.#authenticator);
    this.#guards = new PrefixTree(guards.map(({ prefix, guard }) => ({ ...prefix, value: guard })));
  }

  async admit(request: HttpRequest): Promise<HttpRequest["user"]> {
    const guard = this.#guards.nearest(cutPath(request.path))?.value;
    return guard === undefined ? null : await guard.admit(request);
  }
}

/** Guards for which the hash of x is "hash of x"; counts what was computed, and keeps what was logged. */
function makeGuard(options: MadeOptions) {
  const clock = { nowMs: 1_000_000 };
  const computed: string[] = [];
  const logged: string[] = [];
  const authenticator = new Authenticator({
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
  return { guard: new Guards(authenticator, options), clock, computed, logged };
}

/** Status and the field that belongs to it; "user NAME" or "nobody" where the request is admitted. */
async function outcome(guard: Guards, request: HttpRequest): Promise<string> {
  try {
    const user = await guard.admit(request);
    return !user ? "nobody" : `user ${user.name} by ${user.scheme}`;
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
  const refusalOf = async (guard: Guards, request: HttpRequest) =>
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
  const rules = [parseAccessRule("10.0.0.0/8:/private", { isAllowed: true })].filter((rule): rule is PlacedRule =>
    rule !== null
  );
  const { guard } = makeGuard({ realms: [PRIVATE], rules });
  assertEquals(await outcome(guard, requestOf("/private", { credentials: "eva:secret" })), "403");
  assertEquals(await outcome(guard, requestOf("/private", { address: "10.0.0.1" })), CHALLENGE);
});

Deno.test("admit() lets the rules of the longest prefix hold, and no others", async () => {
  const rules = (...texts: readonly string[]) =>
    texts.flatMap((text) => parseAccessRule(text.slice(1), { isAllowed: text.startsWith("+") }) ?? []);
  const table: readonly [readonly PlacedRule[], string, string, boolean][] = [
    [rules("-0.0.0.0/0:/", "+192.0.2.1:/open"), "192.0.2.1", "/open", true],
    [rules("-0.0.0.0/0:/", "+192.0.2.1:/open"), "192.0.2.1", "/", false],
    [rules("+192.0.2.1:/", "-10.0.0.0/8:/a/b"), "203.0.113.1", "/a/b/c", true],
    [rules("+192.0.2.1:/", "-10.0.0.0/8:/a/b"), "203.0.113.1", "/a/bc", false],
    // What the file system takes for the same path.
    [rules("+10.0.0.0/8:/private"), "192.0.2.1", "//private", false],
    [rules("+10.0.0.0/8:/private"), "192.0.2.1", "/private//", false],
    [rules("+10.0.0.0/8:/private"), "192.0.2.1", "///private///x", false],
    [rules("+10.0.0.0/8:/private"), "192.0.2.1", "/privates", true],
    [rules("+10.0.0.0/8:/private"), "192.0.2.1", "/x/private", true],
  ];
  for (const [rules, address, path, want] of table) {
    assertEquals(
      await outcome(makeGuard({ rules }).guard, requestOf(path, { address })),
      want ? "nobody" : "403",
      path,
    );
  }
});

Deno.test("admit() keeps rules around a realm, and a realm around rules", async () => {
  const rules = [
    parseAccessRule("10.0.0.0/8:/", { isAllowed: true }),
    parseAccessRule("192.0.2.9:/private/open", { isAllowed: true }),
  ];
  const { guard } = makeGuard({ realms: [PRIVATE], rules: rules.flatMap((rule) => rule ?? []) });
  assertEquals(await outcome(guard, requestOf("/private/x")), "403");
  assertEquals(await outcome(guard, requestOf("/private/x", { address: "10.0.0.1" })), CHALLENGE);
  assertEquals(await outcome(guard, requestOf("/private/open", { address: "192.0.2.9" })), CHALLENGE);
});

Deno.test("admit() answers at once where nobody need be known", () => {
  const [{ guard }] = createGuards(
    {
      rules: [parseAccessRule("192.0.2.1:/", { isAllowed: true })].flatMap((rule) => rule ?? []),
      ...{ realms: [], requirements: [], groups: new Map() },
    },
    { authenticate: () => Promise.reject(new Error("Nobody need be known")) },
  );
  assertEquals(guard.admit(requestOf("/")), null);
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

Deno.test("admit() lets in the users that the longest prefix requires, and asks all others for somebody else", async () => {
  const requirements = ["user eva:/private", "group staff:/private/staff", "valid-user:/private/staff/all"]
    .flatMap((text) => parseRequirement(text, prefixOf("/")) ?? []);
  const groups = new Map([["staff", new Set(["adam"])]]);
  const { guard, logged } = makeGuard({ realms: [PRIVATE], requirements, groups });
  const table: readonly [string, string | undefined, string][] = [
    ["/private/x", "eva:secret", "user eva by Basic"],
    ["/private/x", "adam:apple", CHALLENGE],
    ["/private/x", "eva:wrong", CHALLENGE],
    ["/private/x", undefined, CHALLENGE],
    ["//private//staff", "adam:apple", "user adam by Basic"],
    ["/private/staff", "eva:secret", CHALLENGE],
    ["/private/staffed", "eva:secret", "user eva by Basic"],
    ["/private/staff/all", "eva:secret", "user eva by Basic"],
    ["/", undefined, "nobody"],
  ];
  for (const [path, credentials, want] of table) {
    assertEquals(await outcome(guard, requestOf(path, { credentials })), want, `${path} ${credentials}`);
  }
  // Who is not the right one has guessed nothing.
  assertEquals(logged.length, 1);
});
