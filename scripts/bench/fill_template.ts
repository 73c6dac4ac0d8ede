/**
 * Fills a configuration template of conf/: pure. It is apart so that a template stays a readable file of its server:
 * the marks are comments there.
 */

/** What stands in a template's marks. */
export interface TemplateFacts {
  /** Texts by the name that stands in `{{NAME}}`. */
  readonly values: Readonly<Record<string, string>>;
  /** The names for which `#:NAME ` lines are in force; `#:!NAME ` lines are in force for all others. */
  readonly switches: ReadonlySet<string>;
}

const MARK = /^\s*#:(!?)(\w+) /;

/**
 * The template with its marks resolved; lines that are not in force vanish. A line may have several marks in a row and
 * is in force when all of them are. Throws Error for a `{{NAME}}` that has no value.
 */
export function fillTemplate(template: string, facts: TemplateFacts): string {
  const lines: string[] = [];
  for (const line of template.split("\n")) {
    const rest = resolveMarks(line, facts.switches);
    if (rest !== null) lines.push(rest);
  }
  return lines.join("\n").replaceAll(/\{\{(\w+)\}\}/g, (_mark, name: string) => {
    const value = facts.values[name];
    if (value === undefined) throw new Error(`The template names "${name}", which has no value`);
    return value;
  });
}

/** The line without its marks; null when one of them is not in force. */
function resolveMarks(line: string, switches: ReadonlySet<string>): string | null {
  let rest = line;
  for (let mark = MARK.exec(rest); mark !== null; mark = MARK.exec(rest)) {
    const [text, not, name] = mark;
    if (switches.has(name) === (not === "!")) return null;
    rest = rest.slice(text.length);
  }
  return rest;
}
