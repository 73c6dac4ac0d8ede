/** The C library's functions that programs are started and heard with, for tests that have no server. */
import { SYSTEM_CALLS, type SystemCalls } from "../../lib/system/process_calls.ts";
import { READINESS_CALLS, type ReadinessCalls } from "../../lib/system/epoll.ts";

/** Open as long as the tests run. */
export const systemCalls: SystemCalls = Deno.dlopen("libc.so.6", SYSTEM_CALLS).symbols;
export const readinessCalls: ReadinessCalls = Deno.dlopen("libc.so.6", READINESS_CALLS).symbols;
