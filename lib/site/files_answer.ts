/**
 * The answer of a place of files: those in memory, then files that an interpreter runs, then all others. Separate because
 * here alone programs and files meet: whether a path is one for a program is asked before a file is looked for. Pure.
 */
import type { Located } from "../http/located.ts";
import { type HttpRequest, type HttpResponse, type LocalRedirect, NotThere, type Soon } from "../http/message.ts";
import type { Rules } from "../rules.ts";
import { answerOtherMethod, isFileMethod } from "./other_methods.ts";
import type { PlaceAnswer } from "./site.ts";

export interface FilesAnswerOptions {
  readonly files: {
    /** Answers from memory what was answered before as a file; null where nothing is known. */
    recall(request: HttpRequest, at: Located): Soon<HttpResponse> | null;
    answer(request: HttpRequest, at: Located): Soon<HttpResponse>;
    /** False where `answer` to GET would throw NotThere. */
    isThere(at: Located): boolean;
  };
  /** Answers by a program where the path leads to one, else null; without it there are none. */
  readonly scripts: ((request: HttpRequest, at: Located) => Promise<HttpResponse | LocalRedirect> | null) | null;
  readonly rules: Pick<Rules, "allowsAnyMethod">;
  /** Whether something else answers for what is not there, and may take other methods than files have. */
  readonly hasFallback: boolean;
}

/** A hit in memory comes at once, and allocates nothing. Also throws NotThere, by any method where there is a fallback. */
export function createFilesAnswer({ files, scripts, rules, hasFallback }: FilesAnswerOptions): PlaceAnswer {
  return (request, at) => {
    const { method } = request;
    const known = files.recall(request, at) ?? scripts?.(request, at) ?? null;
    if (known !== null) return known;
    if (hasFallback && method !== "GET" && method !== "HEAD" && !files.isThere(at)) throw new NotThere(request.path);
    return isFileMethod(method) ? files.answer(request, at) : answerOtherMethod(method, rules);
  };
}
