/**
 * The command line of a script: the words of an "indexed" query. Separate because it is the one way for a client's
 * text to become a program's arguments. RFC 3875 4.4 and 7.2.
 */
import { decodeEscapes } from "../http/target.ts";

/**
 * RFC 3875 4.4: search-string = search-word *( "+" search-word ), search-word = 1*schar,
 * schar = unreserved | escaped | xreserved; with "=" left out, which marks a form and not a search.
 */
const SEARCH_STRING =
  /^(?:[A-Za-z0-9\-_.!~*'();/?:@&,$]|%[0-9A-Fa-f]{2})+(?:\+(?:[A-Za-z0-9\-_.!~*'();/?:@&,$]|%[0-9A-Fa-f]{2})+)*$/;

/** The characters that are active in the Bourne shell, white space included. */
const SHELL_ACTIVE = /[\s|&;<>()$`\\"'*?[\]#~=%!{}^]/g;

/** What cannot be made harmless: a shell drops an escaped line end, and NUL ends an argument. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * The decoded search-words of a raw query, as `textOfBytes` writes them, each safe to paste into a shell command; none where
 * the request is not an indexed one or a word cannot be an argument.
 *
 * @example
 * searchWords("GET", "cat+dog%20%26%20bird"); // ["cat", "dog\\ \\&\\ bird"]
 */
export function searchWords(method: string, query: string): readonly string[] {
  // RFC 3875 4.4: only for GET and HEAD with a query that has no unencoded "=".
  if ((method !== "GET" && method !== "HEAD") || !SEARCH_STRING.test(query)) return [];
  const words: string[] = [];
  for (const encoded of query.split("+")) {
    const word = decodeEscapes(encoded);
    // RFC 3875 4.4: if any part of the argument list cannot be created, the server MUST NOT generate any of it.
    if (word === null || CONTROL.test(word)) return [];
    // RFC 3875 7.2: the words have any characters that are active in the Bourne shell escaped with a backslash.
    words.push(word.replace(SHELL_ACTIVE, "\\$&"));
  }
  return words;
}
