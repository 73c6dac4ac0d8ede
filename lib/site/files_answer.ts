/**
 * The answer of a place of files: those in memory, then files that an interpreter runs, then all others. Separate because
 * here alone programs and files meet: whether a path is one for a program is asked before a file is looked for. Pure.
 */
import type { Located } from "../http/located.ts";
import type { HttpRequest, HttpResponse, LocalRedirect, Soon } from "../http/message.ts";
import type { Rules } from "../rules.ts";
import { answerOtherMethod, isFileMethod } from "./other_methods.ts";
import type { PlaceAnswer } from "./site.ts";

export interface FilesAnswerOptions {
  readonly files: {
    /** Answers from memory what was answered before as a file; null where nothing is known. */
    recall(request: HttpRequest, at: Located): Soon<HttpResponse> | null;
    answer(request: HttpRequest, at: Located): Soon<HttpResponse>;
  };
  /** Answers by a program where the path leads to one, else null; without it there are none. */
  readonly scripts: ((request: HttpRequest, at: Located) => Promise<HttpResponse | LocalRedirect> | null) | null;
  readonly rules: Pick<Rules, "allowsAnyMethod">;
}

/** A hit in memory comes at once, and allocates nothing. */
export function createFilesAnswer({ files, scripts, rules }: FilesAnswerOptions): PlaceAnswer {
  return (request, at) => {
    if (!isFileMethod(request.method)) return scripts?.(request, at) ?? answerOtherMethod(request.method, rules);
    return files.recall(request, at) ?? scripts?.(request, at) ?? files.answer(request, at);
  };
}
