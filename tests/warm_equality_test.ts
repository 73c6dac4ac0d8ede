/** Every script of the table, warm and plain: the same answers and the same words in the log, whatever is kept of them. */
import { compareScripts } from "./warm/compare.ts";
import { BESIDE, WARM_CASES } from "./warm/table.ts";

Deno.test("scripts answer warm as they do plainly, and say the same in the log", async (t) => {
  await compareScripts(t, { cases: WARM_CASES, beside: BESIDE });
});
