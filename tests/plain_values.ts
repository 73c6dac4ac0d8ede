/** A Config as tables of tests have it: the values alone, without the arguments that they were given by. */
import type { ListenAddress } from "../lib/net/listen_address.ts";
import type { Given } from "../lib/start_error.ts";

/** `Value` with each `Given` in it replaced by its value, and no listen address with its argument. */
export type Plain<Value> = Value extends Given ? string
  : Value extends ListenAddress ? Omit<ListenAddress, "argument">
  : Value extends readonly (infer Element)[] ? readonly Plain<Element>[]
  : Value extends Record<string, unknown> ? { readonly [Key in keyof Value]: Plain<Value[Key]> }
  : Value extends object ? { readonly [Key in keyof Value]: Plain<Value[Key]> }
  : Value;

export function plainValues<Value>(value: Value): Plain<Value> {
  return plain(value) as Plain<Value>;
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const { argument, ...rest } = value as Record<string, unknown>;
  if (typeof argument === "string" && Object.keys(rest).length === 1 && "value" in rest) return rest.value;
  const fields = typeof argument === "string" && "port" in rest ? rest : value;
  return Object.fromEntries(Object.entries(fields).map(([key, each]) => [key, plain(each)]));
}
