/**
 * A path of the site with a query, in which parts of the path that was asked for stand: what rewrites and fallbacks lead to. Pure
 * text; who decides when it is used is rewrite.ts and fallback.ts. RFC 3986 3.3, 3.4.
 */
import type { PathAndQuery } from "../http/message.ts";
import { encodePath, parseTarget } from "../http/target.ts";

/** Literal texts, with the names of what stands between them at the odd places. */
type Parts = readonly string[];

/** `/wiki/doku.php?id={page}`: the path is decoded text, the query stands as it is sent. */
export class TargetTemplate {
  readonly #path: Parts;
  /** Null: it has none, and that of the request stays. */
  readonly #query: Parts | null;

  private constructor(path: Parts, query: Parts | null) {
    this.#path = path;
    this.#query = query;
  }

  /** Null for what is no path of the site, and where `isName` does not know what stands in braces. */
  static parse(text: string, isName: (name: string) => boolean): TargetTemplate | null {
    const [, path, query] = /^(\/(?!\/)[^?#%\0\\]*)(?:\?([\x21-\x7e]*))?$/.exec(text) ?? [];
    if (path === undefined || query?.includes("#")) return null;
    const [pathParts, queryParts] = [path, query ?? ""].map((part) => part.split(/\{([^{}]*)\}/));
    const isKnown = [pathParts, queryParts].every((parts) => {
      return parts.every((part, at) => at % 2 === 1 ? isName(part) : !/[{}]/.test(part));
    });
    return isKnown ? new TargetTemplate(pathParts, query === undefined ? null : queryParts) : null;
  }

  /**
   * The path, decoded and safe, and the query, raw; `values` are decoded parts of paths, and "" where one is missing. `query` is
   * that of the request, and comes last where the template has one too.
   */
  fill(values: Readonly<Record<string, string | undefined>>, query: string): PathAndQuery {
    const own = this.#query?.map((part, at) => at % 2 === 0 ? part : encodeInQuery(values[part] ?? "")).join("") ?? "";
    const path = this.#path.map((part, at) => at % 2 === 0 ? part : values[part] ?? "").join("");
    // Parts that are put together may make a dot segment, which no path has that is looked up.
    const { path: safePath } = parseTarget("GET", encodePath(path), "keep");
    return { path: safePath, query: [own, query].filter((part) => part !== "").join("&") };
  }
}

/** As encodePath, and also what separates names and values. */
function encodeInQuery(value: string): string {
  return encodePath(value).replace(/[&+;=]/g, encodeURIComponent);
}
