import { assertEquals } from "@std/assert";
import { type FileUse, mayUse } from "./file_access.ts";

Deno.test("mayUse() takes the first class that fits: owner, group, others", () => {
  const table:
    readonly (readonly [mode: number, use: FileUse, owner: boolean, group: boolean, others: boolean, root: boolean])[] =
      [
        [0o644, "read", true, true, true, true],
        [0o640, "read", true, true, false, true],
        [0o600, "read", true, false, false, true],
        [0o044, "read", false, true, true, true],
        [0o000, "read", false, false, false, true],
        [0o620, "write", true, true, false, true],
        [0o400, "write", false, false, false, true],
        [0o711, "enter", true, true, true, true],
        [0o750, "enter", true, true, false, true],
        [0o700, "enter", true, false, false, true],
        [0o644, "run", false, false, false, false],
        [0o755, "run", true, true, true, true],
        [0o700, "run", true, false, false, true],
        [0o010, "run", false, true, false, true],
      ];
  for (const [mode, use, ...want] of table) {
    const users = [{ uid: 7, gid: 1 }, { uid: 1, gid: 8 }, { uid: 1, gid: 1 }, { uid: 0, gid: 0 }];
    assertEquals(users.map((user) => mayUse({ mode, uid: 7, gid: 8 }, use, user)), want, `${mode.toString(8)} ${use}`);
    assertEquals(mayUse({ mode, uid: 7, gid: 8 }, use, { uid: 1, gid: 1, groups: [8] }), want[1]);
  }
});
