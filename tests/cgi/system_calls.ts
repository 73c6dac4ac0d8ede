/** The C library's functions that programs are started with, for tests that have no server. */
import { SYSTEM_CALLS, type SystemCalls } from "../../lib/cgi/system_calls.ts";

/** Open as long as the tests run. */
export const systemCalls: SystemCalls = Deno.dlopen("libc.so.6", SYSTEM_CALLS).symbols;
