import { assertEquals } from "@std/assert";
import { expiryWarning } from "./check_credentials.ts";

Deno.test("expiryWarning() warns when the end is within 14 days or past", () => {
  const notAfterMs = Date.UTC(2030, 4, 20, 12);
  const table: readonly { readonly now: number; readonly want: string | null }[] = [
    { now: Date.UTC(2030, 0, 1), want: null },
    { now: Date.UTC(2030, 4, 6, 11, 59, 59), want: null },
    { now: Date.UTC(2030, 4, 6, 12), want: "The certificate expires on 2030-05-20, in 14 days: renew it" },
    { now: Date.UTC(2030, 4, 19, 11), want: "The certificate expires on 2030-05-20, in 1 day: renew it" },
    { now: Date.UTC(2030, 4, 20, 11), want: "The certificate expires on 2030-05-20, in 0 days: renew it" },
    { now: Date.UTC(2030, 4, 20, 12), want: "The certificate expired on 2030-05-20: browsers refuse it" },
    { now: Date.UTC(2031, 0, 1), want: "The certificate expired on 2030-05-20: browsers refuse it" },
  ];
  for (const { now, want } of table) {
    assertEquals(expiryWarning({ notAfterMs }, now), want, new Date(now).toISOString());
  }
});
