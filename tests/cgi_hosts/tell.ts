/** Words for what came back: what the points use to tell of an answer. Pure. */
import type { Answer } from "./answer.ts";

export type Tell = (answer: Answer) => string;

/** The status, or how there is none. */
export function status(answer: Answer): string {
  const late = answer.end === "late" ? ", not ended" : "";
  if (answer.status !== null) return `${answer.status}${late}`;
  return (answer.statusLine === "" ? "nothing" : "no status line") + (late || `, ${answer.end}`);
}

/** The status, and what each of the fields says; of an error page only that it is one. */
export function statusAnd(...names: readonly string[]): Tell {
  return (answer) =>
    isErrorPage(answer)
      ? `${status(answer)}, a page`
      : [status(answer), ...names.map((name) => field(answer, name))].join(", ");
}

/** As `statusAnd`, with the content. */
export function statusContentAnd(...names: readonly string[]): Tell {
  return (answer) => isErrorPage(answer) ? statusAnd()(answer) : `${statusAnd(...names)(answer)}, ${content(answer)}`;
}

/** Of the host itself: no program of the points prints HTML. */
function isErrorPage({ status, body }: Answer): boolean {
  return status !== null && status >= 400 && body.includes("<");
}

/** `Name: value` of each such field, or that there is none. */
export function field({ fields }: Answer, name: string): string {
  const values = fields.filter(([found]) => found.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return values.length === 0 ? `no ${name}` : values.map((value) => `${name}: ${visible(value)}`).join(" + ");
}

/** The content in quotes; a long one is not shown. */
export function content({ body }: Answer): string {
  if (body === "") return "no content";
  return body.length <= 60 && !body.includes("<") ? quoted(body) : "a page";
}

/** What the probe was given, as `quoted` writes it, each with its name where there are several. */
export function given(...names: readonly string[]): Tell {
  return (answer) => {
    const values = probed(answer);
    if (values === null) return status(answer);
    const texts = names.map((name) => values.get(name)).map((value) => value === undefined ? "unset" : `"${value}"`);
    return names.length === 1 ? texts[0] : names.map((name, at) => `${name} ${texts[at]}`).join(", ");
  };
}

/** What the probe printed by name; null where it did not run. */
export function probed({ body }: Answer): ReadonlyMap<string, string> | null {
  if (!/^after=/m.test(body)) return null;
  return new Map(
    body.split("\n").filter((line) => line.includes("=")).map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** In quotes, with what is not printable ASCII as \n, \r or \xHH. */
export function quoted(text: string): string {
  return `"${visible(text)}"`;
}

/** Latin-1 text with what is not printable ASCII as \n, \r or \xHH. */
export function visible(text: string): string {
  return text.replace(/[^\x20-\x5b\x5d-\x7e]/g, (character) =>
    ({ "\n": "\\n", "\r": "\\r", "\\": "\\" })[character] ??
      `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
