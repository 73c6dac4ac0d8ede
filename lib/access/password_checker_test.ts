import { assertEquals, assertRejects } from "@std/assert";
import { HttpError } from "../http/message.ts";
import { PasswordChecker } from "./password_checker.ts";

/** Of "secret", bcrypt of cost 4. */
const HASH = "$2y$04$vrIvKZ/IP7wg/NnbyhOfn.oVT77XadeNQ1gZ9jlgn5VfDJXRi19YW";

Deno.test("check() answers each question by itself and refuses when too many wait", async () => {
  const checker = new PasswordChecker();
  try {
    const passwords = Array.from({ length: 32 }, (_, at) => at % 3 === 0 ? "secret" : `wrong ${at}`);
    const answers = passwords.map((password) => checker.check(password, HASH));
    const error = await assertRejects(() => checker.check("secret", HASH), HttpError);
    assertEquals(error.status, 503);
    assertEquals(await Promise.all(answers), passwords.map((password) => password === "secret"));
    assertEquals(await checker.check("secret", HASH), true);
  } finally {
    checker.close();
  }
});
