import { assertEquals } from "@std/assert";
import { readTracefile } from "./coverage.ts";

const TRACEFILE = `SF:/project/lib/a.ts
FN:1,run
FN:9,stop
FNDA:3,run
FNDA:0,stop
FNF:2
FNH:1
BRDA:2,0,0,3
BRDA:2,0,1,0
BRDA:5,1,0,-
BRF:3
BRH:1
DA:1,3
end_of_record
SF:/project/lib/b.ts
FNF:0
end_of_record
`;

Deno.test("readTracefile() counts branches, and a function that never ran as one that was not taken", () => {
  assertEquals(readTracefile(TRACEFILE, "/project"), [
    { path: "lib/a.ts", taken: 1, all: 4, missed: ["2", "5", "stop()"] },
    { path: "lib/b.ts", taken: 0, all: 0, missed: [] },
  ]);
  assertEquals(readTracefile("", "/project"), []);
});
