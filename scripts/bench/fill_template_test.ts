import { assertEquals, assertThrows } from "@std/assert";
import { fillTemplate } from "./fill_template.ts";

const CASES = [
  { name: "a plain line stays", template: "sendfile on;", switches: [], want: "sendfile on;" },
  { name: "a value is filled in, twice", template: "{{a}}:{{b}}:{{a}}", switches: [], want: "1:two:1" },
  { name: "a line of a name that is off vanishes", template: "x\n#:tls y\nz", switches: [], want: "x\nz" },
  { name: "a line of a name that is on loses its mark", template: "#:tls   y {{a}}", switches: ["tls"], want: "  y 1" },
  { name: "a negated line stands when the name is off", template: "#:!tls y", switches: [], want: "y" },
  { name: "a negated line vanishes when the name is on", template: "#:!tls y", switches: ["tls"], want: "" },
  { name: "two marks need both", template: "#:!b #:a y", switches: ["a"], want: "y" },
  { name: "two marks of which the first fails", template: "#:!b #:a y", switches: ["a", "b"], want: "" },
  { name: "two marks of which the second fails", template: "#:!b #:a y", switches: [], want: "" },
  { name: "an ordinary comment stays", template: "# note: a", switches: ["note"], want: "# note: a" },
];

Deno.test("fillTemplate() resolves marks and values when given a template", async (t) => {
  for (const { name, template, switches, want } of CASES) {
    await t.step(name, () => {
      const facts = { values: { a: "1", b: "two" }, switches: new Set(switches) };
      assertEquals(fillTemplate(template, facts), want);
    });
  }
});

Deno.test("fillTemplate() throws when a name has no value", () => {
  assertThrows(() => fillTemplate("{{c}}", { values: {}, switches: new Set() }), Error, '"c"');
});
