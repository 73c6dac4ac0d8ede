/**
 * Memory of bytes that goes back at once. Left to the collector it comes back only when that has reason to run, and while slow
 * clients come and are cut what waits for it would be as much as what is in use. Pure.
 */

/**
 * Frees the memory: the bytes, and all views of the same memory, have length 0 then. An operation of the system that is under
 * way with them keeps it until its end. ECMA-262 ArrayBuffer.prototype.transfer.
 */
export function freeBytes({ buffer }: Uint8Array<ArrayBuffer>): void {
  buffer.transfer(0);
}
