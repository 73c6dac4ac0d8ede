/** Type of parseArgs of @std/cli, as far as lisod uses it: the npm package holds JavaScript alone. */
export interface ParseOptions {
  readonly boolean?: readonly string[];
  readonly string?: readonly string[];
  readonly collect?: readonly string[];
  readonly alias?: Readonly<Record<string, string>>;
  readonly stopEarly?: boolean;
  /** Called for each option that is not named here; false keeps it out of the result. */
  readonly unknown?: (argument: string, key?: string, value?: unknown) => unknown;
}
/** Options by name; what is no option stands in `_`. */
export function parseArgs(
  args: readonly string[],
  options?: ParseOptions,
): { readonly _: readonly (string | number)[]; readonly [name: string]: unknown };
