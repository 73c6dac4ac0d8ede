/**
 * Long suites play a part of what they have in continuous integration, and all of it by `deno task long`: the part takes each
 * kind of case, what is left to the task is more of the same.
 */
export const IS_LONG = Deno.env.get("LISOD_LONG") === "1";
