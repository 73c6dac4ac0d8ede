import { assertEquals, assertThrows } from "@std/assert";
import { kindOfHash, parsePasswordFile, PasswordFileError } from "./password_file.ts";

const BCRYPT = "$2y$05$JdreT5M0jsfknyHeiIDMHu.eDzslP.C5yczWiI5IpjwmzGSNQmxIC";
const APR1 = "$apr1$phMz1Goy$qNNd5nKFxEzBvDoxpm2h81";
const SHA256 = "$5$fB4HUEquhy8GG.Me$Jx1awfC7kAspcrroFRs/wp5epHDOmpdsjq5tdfylYS9";
const SHA512 = `$6$rounds=1000$MCxYmdYYW8FJ5Fux$${"a".repeat(86)}`;

Deno.test("kindOfHash() takes whole hashes of three kinds", () => {
  const table: readonly [string, string | null][] = [
    [BCRYPT, "bcrypt"],
    [BCRYPT.replace("2y", "2b"), "bcrypt"],
    [BCRYPT.replace("$05", "$12"), "bcrypt"],
    [BCRYPT.replace("$05", "$03"), null],
    [BCRYPT.replace("$05", "$32"), null],
    [BCRYPT.slice(0, -1), null],
    [`${BCRYPT}a`, null],
    [SHA256, "sha-crypt"],
    [SHA512, "sha-crypt"],
    [SHA256.replace("$5", "$6"), null],
    [SHA512.replace("$6", "$5"), null],
    [SHA512.replace("1000", "999"), null],
    [SHA512.replace("1000", "01000"), null],
    [APR1, "apr1"],
    [APR1.slice(0, -1), null],
    [APR1.replace("apr1", "1"), null],
    ["secret", null],
    ["", null],
    ["rl.3StKT.4T8M", null],
    ["{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", null],
  ];
  for (const [hash, want] of table) assertEquals(kindOfHash(hash), want, hash);
});

Deno.test("parsePasswordFile() reads what htpasswd writes", () => {
  const text = `eva:${BCRYPT}\n# a comment\n\nadam:${APR1}:ignored\r\neva:${SHA256}\nJörg Ä:${SHA512}`;
  assertEquals([...parsePasswordFile(text)], [["eva", BCRYPT], ["adam", APR1], ["Jörg Ä", SHA512]]);
  assertEquals(parsePasswordFile("").size, 0);
});

Deno.test("parsePasswordFile() names the line when it is no user with a hash that is taken", () => {
  for (const line of ["eva", `:${BCRYPT}`, "eva:", "eva:secret", `eva: ${BCRYPT}`, `eva:${BCRYPT} `]) {
    const error = assertThrows(() => parsePasswordFile(`adam:${APR1}\n${line}\n`), PasswordFileError);
    assertEquals(error.line, 2, line);
    assertEquals(error.message.includes("secret"), false);
  }
});
