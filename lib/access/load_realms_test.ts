import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { loadRealms, loadSiteUsers } from "./load_realms.ts";
import { StartError } from "../start_error.ts";

const LINE = "eva:$apr1$phMz1Goy$qNNd5nKFxEzBvDoxpm2h81\n";

/** A folder with a site in it, and the access of one realm whose users are in `file`. */
async function withFolder(test: (load: (file: string) => ReturnType<typeof loadRealms>, folder: string) => void) {
  const folder = await Deno.makeTempDir({ prefix: "lisod-test-" });
  try {
    const root = join(folder, "www");
    await Deno.mkdir(root);
    await Deno.mkdir(join(folder, "other"));
    const load = (file: string) => {
      const given = { argument: "--auth", value: join(folder, file) };
      return loadRealms([{ name: "A", file: given, prefix: { segments: ["a"] } }], [join(folder, "other"), root]);
    };
    test(load, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("loadRealms() reads the users of each realm", () =>
  withFolder((load, folder) => {
    Deno.writeTextFileSync(join(folder, "www.users"), LINE);
    const [{ name, prefix, users }] = load("www.users");
    assertEquals([name, prefix.segments, [...users.keys()]], ["A", ["a"], ["eva"]]);
  }));

Deno.test("loadRealms() throws a StartError that tells nothing of the content when the file is no good", () =>
  withFolder((load, folder) => {
    Deno.writeTextFileSync(join(folder, "www", "users"), LINE);
    Deno.writeTextFileSync(join(folder, "plain"), `${LINE}adam:secret\n`);
    Deno.writeTextFileSync(join(folder, "large"), LINE.repeat(30_000));
    Deno.symlinkSync(join(folder, "www", "users"), join(folder, "link"));
    const table: readonly [string, string][] = [
      ["missing", "does not exist"],
      ["www", "is a folder"],
      ["large", "longer than 1048576 bytes"],
      ["plain", "line 2"],
      ["www/users", "inside the folder that is served"],
      ["link", "inside the folder that is served"],
    ];
    for (const [file, problem] of table) {
      const { message } = assertThrows(() => load(file), StartError);
      assertEquals([message.includes("--auth"), message.includes("secret")], [true, false], message);
      assertEquals(message.toLowerCase().includes(problem), true, message);
    }
  }));

Deno.test("loadSiteUsers() reads groups, and throws a StartError for what is none or lacks one that is required", () =>
  withFolder((_, folder) => {
    const root = join(folder, "www");
    const load = (file: string, names: readonly string[] = []) =>
      loadSiteUsers({
        realms: [],
        requirements: [{ kind: "group", names }],
        groupFile: { argument: "--auth-groups", value: join(folder, file) },
      }, [root]).groups;
    Deno.writeTextFileSync(join(folder, "groups"), "staff: eva adam\nempty:\n");
    Deno.writeTextFileSync(join(root, "groups"), "staff: eva\n");
    Deno.writeTextFileSync(join(folder, "odd"), "staff: eva\nadam\n");
    assertEquals([...load("groups", ["staff", "empty"])].map(([name, users]) => [name, ...users]), [
      ["staff", "eva", "adam"],
      ["empty"],
    ]);
    const table: readonly [file: string, problem: string, names?: readonly string[]][] = [
      ["none", "does not exist"],
      ["www/groups", "inside the folder that is served"],
      ["odd", "line 2: not GROUP: USER USER: name a file with lines such as staff: eva adam"],
      ["groups", 'has no group "Staff", which is required: add a line "Staff:"', ["staff", "Staff"]],
    ];
    for (const [file, problem, names] of table) {
      const { message } = assertThrows(() => load(file, names), StartError);
      assertEquals(message.includes(problem) && message.includes("--auth-groups"), true, message);
    }
  }));
