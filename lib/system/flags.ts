/** Flags of descriptors, with which sockets, pipes and whatever else is opened. Linux, asm-generic/fcntl.h. Pure. */

/** The same for x86-64 and arm64. */
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
