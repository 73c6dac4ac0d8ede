/** The C library's functions that programs are started and heard with, for tests that have no server. */
import { SYSTEM_CALLS, type SystemCalls } from "../../lib/system/process_calls.ts";
import { MESSAGE_CALLS, type MessageCalls } from "../../lib/system/message_socket.ts";
import { READINESS_CALLS, type ReadinessCalls } from "../../lib/system/epoll.ts";

/** Open as long as the tests run. */
export const systemCalls: SystemCalls = Deno.dlopen("libc.so.6", SYSTEM_CALLS).symbols;
export const readinessCalls: ReadinessCalls = Deno.dlopen("libc.so.6", READINESS_CALLS).symbols;
export const messageCalls: MessageCalls = Deno.dlopen("libc.so.6", MESSAGE_CALLS).symbols;
