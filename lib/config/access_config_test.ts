import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseAccessRule } from "../access/access_rules.ts";
import { parseAddress } from "../ip_address.ts";
import { plainValues } from "../../tests/plain_values.ts";
import type { AccessConfig, SiteAccess } from "./access_config.ts";
import { parseCommandLine } from "./config.ts";
import { UsageError } from "../start_error.ts";
import { NO_FILES } from "../../tests/config_texts.ts";

function read(...args: readonly string[]): AccessConfig & SiteAccess {
  const command = parseCommandLine(["--root", "www", ...args], {
    cwd: "/home/liso",
    environment: {},
    configFiles: NO_FILES,
  });
  assert(command.kind === "serve");
  const { access, sites: [site] } = command.config;
  return { ...access, rules: site.rules, realms: site.realms, requirements: site.requirements };
}

Deno.test("readAccessConfig() reads rules of both kinds", () => {
  const { rules } = read("--allow", "10.0.0.0/8:/a", "--deny", "2001:db8::/32:/b/", "--allow=192.0.2.1:/");
  assertEquals(rules.map(({ isAllowed, prefix }) => [isAllowed, prefix.segments.join("/")]), [
    [true, "a"],
    [true, ""],
    [false, "b"],
  ]);
  const { argument, ...first } = rules[0];
  assertEquals(first, parseAccessRule("10.0.0.0/8:/a", { isAllowed: true }));
  assertEquals(argument, "--allow");
});

Deno.test("readAccessConfig() reads realms, their files from the working folder", () => {
  const { realms } = read("--auth", "Members only:users:/members", "--auth", "B:/etc/a:b:/c/d");
  assertEquals(plainValues(realms), [
    { name: "Members only", file: "/home/liso/users", prefix: { segments: ["members"] } },
    { name: "B", file: "/etc/a:b", prefix: { segments: ["c", "d"] } },
  ]);
  assertEquals(plainValues(read("--auth", "All:users").realms), [
    { name: "All", file: "/home/liso/users", prefix: { segments: [] } },
  ]);
});

Deno.test("readAccessConfig() reads proxies", () => {
  const { proxies } = read("--proxy", "10.0.0.0/8", "--proxy", "::1");
  assertEquals(proxies.map((range) => range.contains(parseAddress("::1") ?? [])), [false, true]);
});

Deno.test("readAccessConfig() adds fields, and takes the default ones only where none of their name is given", () => {
  const nosniff = ["X-Content-Type-Options", "nosniff"];
  const table: readonly [readonly string[], readonly (readonly string[])[]][] = [
    [[], [nosniff]],
    [["--header", "A: b"], [nosniff, ["A", "b"]]],
    [["--header", "A:b", "--header", "A: \t c: d "], [nosniff, ["A", "b"], ["A", "c: d"]]],
    [["--header", "x-content-type-options: none"], [["x-content-type-options", "none"]]],
    [["--header", "A:"], [nosniff, ["A", ""]]],
  ];
  for (const [args, want] of table) {
    const { defaultFields, fields } = read(...args);
    assertEquals([...defaultFields, ...fields], want, args.join(" "));
    assertEquals(defaultFields.length, args.join().includes("x-content") ? 0 : 1);
  }
});

Deno.test("readAccessConfig() tells fields that hold always from those that fill gaps", () => {
  const nosniff = ["X-Content-Type-Options", "nosniff"];
  type Fields = readonly (readonly string[])[];
  const table: readonly [args: readonly string[], fields: Fields, alwaysFields: Fields][] = [
    [["--header", "always A: b", "--header", "C: d"], [nosniff, ["C", "d"]], [["A", "b"]]],
    [["--header", "always x-content-type-options:none"], [], [["x-content-type-options", "none"]]],
    [["--header", "A: b", "--header", "always \t a: c", "--header", "always A: d"], [nosniff], [["a", "c"], [
      "A",
      "d",
    ]]],
    [["--header", "always: b"], [nosniff, ["always", "b"]], []],
  ];
  for (const [args, fields, alwaysFields] of table) {
    const access = read(...args);
    assertEquals(
      [[...access.defaultFields, ...access.fields], access.alwaysFields],
      [fields, alwaysFields],
      args.join(" "),
    );
  }
});

Deno.test("readAccessConfig() names the option and the value when it is refused", () => {
  const table: readonly [string, string][] = [
    ["--allow", "10.0.0.1/8:/"],
    ["--deny", "10.0.0.0/8:private"],
    ["--auth", "Members"],
    ["--auth", "Members:"],
    ["--auth", "Members:users:members"],
    ["--auth", ":users:/"],
    ["--auth", "Größe:users:/"],
    ["--auth", "A\r\nB: c:users:/"],
    ["--auth", "Members:users:/a/../b"],
    ["--auth", "Members:us\0ers:/a"],
    ["--proxy", "localhost"],
    ["--proxy", "10.0.0.1:80"],
    ["--header", "A"],
    ["--header", "A b: c"],
    ["--header", "A: b\r\nC: d"],
    ["--header", "A: €"],
    ["--header", "Always A: b"],
    ["--header", "always always A: b"],
    ["--header", "always Date: x"],
    ["--header", "Content-Length: 5"],
    ["--header", "TRANSFER-ENCODING: chunked"],
  ];
  for (const [option, value] of table) {
    const { message } = assertThrows(() => read(`${option}=${value}`), UsageError);
    assert(message.startsWith(option), message);
  }
});

Deno.test("readSiteAccess() reads who is required, where somebody asks", () => {
  const auth = ["--auth", "A:users:/a"];
  const { requirements } = read(...auth, "--require", "user eva:/a", "--auth-groups=g", "--require=group staff:/a/b");
  assertEquals(requirements.map(({ kind, names, prefix }) => [kind, ...names, ...prefix.segments]), [
    ["user", "eva", "a"],
    ["group", "staff", "a", "b"],
  ]);
  const refused: readonly (readonly [text: string, told: string])[] = [
    ["user eva", "nobody is asked who he is there: give --auth"],
    ["user eva:/ab", "nobody is asked who he is there"],
    ["group staff:/a", "--auth-groups is missing"],
    ["eva:/a", "not users or groups, and a prefix"],
  ];
  for (const [text, told] of refused) {
    assertThrows(() => read(...auth, "--require", text), UsageError, `--require "${text}": ${told}`);
  }
});
