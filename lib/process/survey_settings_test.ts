import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseCommandLine } from "../config/config.ts";
import { surveySettings } from "./survey_settings.ts";
import { configFilesOf } from "../../tests/config_texts.ts";

/** What is noted of `--check` with that, and with that text in /etc/lisod.conf. */
function notesOf(args: readonly string[], text = "", nowMs = Date.now()): readonly string[] {
  const configFiles = configFilesOf({ "/etc/lisod.conf": text });
  const command = parseCommandLine(["--root", "/srv", "--config", "/etc/lisod.conf", "--check", ...args], {
    ...{ cwd: "/", environment: {}, configFiles },
  });
  assert(command.kind === "check");
  return surveySettings(command.config, { unused: command.unused, nowMs });
}

Deno.test("surveySettings() notes rules that keep out the addresses of one version of IP alone", () => {
  const half = (
    argument: string,
    [all, name]: readonly [string, string],
    [other, otherName]: readonly [string, string],
    at = "/",
    own = "",
  ) =>
    `${argument} "${all}": is all of ${name} and nothing of ${otherName}, whose clients may have ${at}: ` +
    `deny ${other}${own} too`;
  const [v4, v6] = [["0.0.0.0/0", "IPv4"], ["::/0", "IPv6"]] as const;
  const rows: readonly (readonly [args: readonly string[], text: string, want: readonly string[]])[] = [
    [[], "", []],
    [["--deny", "0.0.0.0/0"], "", [half("--deny", v4, v6)]],
    [["--deny", "::/0"], "", [half("--deny", v6, v4)]],
    [["--deny", "0.0.0.0/0", "--deny", "::/0"], "", []],
    [["--deny", "0.0.0.0/0:/a", "--deny", "::/0:/b"], "", [
      half("--deny", v4, v6, "/a/", ":/a"),
      half("--deny", v6, v4, "/b/", ":/b"),
    ]],
    // Whoever is in no range is kept out where one lets somebody in.
    [["--allow", "10.0.0.0/8", "--deny", "0.0.0.0/0"], "", []],
    [["--deny", "192.0.2.0/24"], "", []],
    [[], "[/a/]\ndeny = 0.0.0.0/0\n[x.example]\nroot = /x\n", [half("/etc/lisod.conf:2: deny", v4, v6, "/a/")]],
  ];
  for (const [args, text, want] of rows) assertEquals(notesOf(args, text), want, `${args.join(" ")} ${text}`);
});

Deno.test("surveySettings() notes files for HTTPS where nothing listens for it", () => {
  const unused = (argument: string, file: string) =>
    `${argument} "${file}": is not used, for nothing listens for HTTPS: give --https PORT too`;
  const [key, certificate] = [unused("--key", "/a.key"), unused("--certificate", "/a.crt")];
  assertEquals(notesOf(["--key", "a.key", "--certificate", "a.crt"]), [key, certificate]);
  assertEquals(notesOf(["--key", "a.key"]), [key]);
  assertEquals(notesOf([], "[x.example]\nroot = /x\nkey = a.key\ncertificate = a.crt\n"), [
    unused("/etc/lisod.conf:3: key", "/etc/a.key"),
    unused("/etc/lisod.conf:4: certificate", "/etc/a.crt"),
  ]);
});

Deno.test("surveySettings() notes keys that everybody can read, and certificates that end", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-survey-" });
  try {
    const words =
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a -addext subjectAltName=DNS:a";
    const files = ["-days", "30", "-keyout", "a.key", "-out", "a.crt"];
    const made = await new Deno.Command("openssl", { args: [...words.split(" "), ...files], cwd: folder }).output();
    assert(made.success);
    const args = ["--https", "0", "--key", `${folder}/a.key`, "--certificate", `${folder}/a.crt`];
    await Deno.chmod(`${folder}/a.key`, 0o640);
    assertEquals(notesOf(args), []);
    await Deno.chmod(`${folder}/a.key`, 0o644);
    const [readable, ...others] = notesOf(args);
    assertEquals(others, []);
    const key = `${folder}/a.key`;
    const text = `Everybody on this machine can read the private key "${key}" (mode 0644): chmod 600 ${key}`;
    assertEquals(readable, `--certificate "${folder}/a.crt": ${text}`);
    await Deno.chmod(key, 0o600);
    const [ending] = notesOf(args, "", Date.now() + 20 * 86_400_000);
    assertMatch(ending, /^--certificate ".*\/a\.crt": The certificate expires on \S+, in \d+ days: renew it$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
