import { assertEquals } from "@std/assert";
import { verifyPassword } from "./verify_password.ts";

/** Made by htpasswd of Debian 12 with -B, -B -C 4, -5, -5 -r 1000, -2 and -m. */
const HASHES: readonly string[] = [
  "$2y$05$JdreT5M0jsfknyHeiIDMHu.eDzslP.C5yczWiI5IpjwmzGSNQmxIC",
  "$2y$04$h9K5yh.0cGq8xwCFz2s3pOpHBClvBx8k3yKP7SiLA/5fFpC8ioGPK",
  "$6$L0HbF6MC31zr3Jr0$ysmcXIsVV1erFPRq8GkdB.cXczygm.8XLcQ6JJkSIV0CCJ2oRsydHS7eisl5bLN4dvL3hl0WlWQJQM.dZCwNp1",
  "$6$rounds=1000$MCxYmdYYW8FJ5Fux$0s5yP.1Yk6XqkatpRCUfd7ovx2PmhjvF8gnNnhieBQtlJLjBQT429BG0AAhdw6b1OOkTwh9iQZCPRMn.fVuGq0",
  "$5$fB4HUEquhy8GG.Me$Jx1awfC7kAspcrroFRs/wp5epHDOmpdsjq5tdfylYS9",
  "$apr1$phMz1Goy$qNNd5nKFxEzBvDoxpm2h81",
];
const PASSWORD = "Geheim: größer";

Deno.test("verifyPassword() knows the password of each kind of hash, and no other", () => {
  for (const hash of HASHES) {
    for (const password of [PASSWORD, `${PASSWORD}x`, PASSWORD.slice(1), PASSWORD.toUpperCase(), ""]) {
      assertEquals(verifyPassword(password, hash), password === PASSWORD, `${password} ${hash}`);
    }
  }
});

Deno.test("verifyPassword() is false when the hash is none", () => {
  for (const hash of ["", "secret", "*", "!", "$6$", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="]) {
    assertEquals(verifyPassword("secret", hash), false, hash);
    assertEquals(verifyPassword(hash, hash), false, hash);
  }
});
