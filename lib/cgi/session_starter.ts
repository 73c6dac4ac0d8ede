/**
 * What starts a script as the leader of a session and so of a process group, which is the one thing that can be ended
 * whole. The runtime can do that itself (`detached`), but then it copies the server by fork(2) for each script. Separate
 * because it goes down to machine code, and because nothing else depends on how it is done.
 *
 * Measured on one core, a C program that prints one line, 8 at a time, scripts a second, server of 150 MiB:
 * no session of its own 1,200; this program 1,090; /usr/bin/setsid 700; `detached` 150. A second exec(2) of anything
 * that is dynamically linked costs as much as the script itself (on a virtual machine the loader's CPUID instructions
 * alone are a sixth of it); of 300 bytes that need no loader, a tenth of that.
 */

/** Words to put in front of a command; whoever gets it closes it, after which they no longer work. */
export interface CommandPrefix {
  readonly words: readonly string[];
  close(): void;
}

const SETSID: CommandPrefix = { words: ["/usr/bin/setsid"], close: () => {} };

/**
 * The words that make the program behind them the leader of a new session under the same process id, with no open
 * descriptor but the first three. Nothing is left on the disk. Where this machine will not run the program (another
 * processor, a temporary folder mounted noexec), it is util-linux's setsid, which closes nothing.
 */
export function sessionStarter(): CommandPrefix {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return SETSID;
  let starter: CommandPrefix | null = null;
  try {
    starter = placeProgram(startSession());
    const [path] = starter.words;
    if (new Deno.Command(path, { args: ["/bin/true"], stdin: "null" }).outputSync().success) return starter;
  } catch (error) {
    // Each of these says that the program cannot be placed or run here, and setsid can do the same, only slower.
    if (!(error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotFound)) throw error;
  }
  starter?.close();
  return SETSID;
}

/**
 * Puts the program where it can be executed: a file without a name, open for reading in this process. Each child has
 * the descriptor up to its exec(2), and finds it in its own /proc/self; so no name can be replaced or cleaned away.
 */
function placeProgram(program: Uint8Array): CommandPrefix {
  const path = Deno.makeTempFileSync({ prefix: "lisod-session-" });
  try {
    Deno.writeFileSync(path, program);
    Deno.chmodSync(path, 0o555);
    const file = Deno.openSync(path);
    return { words: [descriptorOf(path)], close: () => file.close() };
  } finally {
    Deno.removeSync(path);
  }
}

/** The name of the descriptor that this process has of the file. */
function descriptorOf(path: string): string {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    if (linkTarget(`/proc/self/fd/${name}`) === path) return `/proc/self/fd/${name}`;
  }
  throw new Error(`No descriptor leads to "${path}"`);
}

/** Null for a descriptor that has been closed since it was listed. */
function linkTarget(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

const MESSAGE = "Cannot be executed; the exit status is the error number of execve(2)\n";

/** x86-64 Linux: setsid(); close_range(3, ~0, 0); execve(argv[1], argv + 1, envp); on failure MESSAGE to stderr and exit(errno). */
function startSession(): Uint8Array {
  const message = new TextEncoder().encode(MESSAGE);
  const code = [
    [0xb8, 112, 0, 0, 0], // mov eax, 112 (setsid): fails only for a group leader, and then all is well
    [0x0f, 0x05], // syscall
    [0xb8, 0xb4, 1, 0, 0], // mov eax, 436 (close_range): what the server itself has inherited ends here
    [0xbf, 3, 0, 0, 0], // mov edi, 3 (the first)
    [0xbe, 0xff, 0xff, 0xff, 0xff], // mov esi, -1 (the last)
    [0x31, 0xd2], // xor edx, edx (no flags)
    [0x0f, 0x05], // syscall: Linux before 5.9 lacks it, and closes nothing
    [0x48, 0x8b, 0x04, 0x24], // mov rax, [rsp] (argc)
    [0x48, 0x8d, 0x74, 0x24, 0x10], // lea rsi, [rsp + 16] (argv + 1)
    [0x48, 0x8d, 0x54, 0xc4, 0x10], // lea rdx, [rsp + rax * 8 + 16] (envp, behind argv and its null)
    [0x48, 0x8b, 0x3e], // mov rdi, [rsi] (argv[1])
    [0xb8, 59, 0, 0, 0], // mov eax, 59 (execve)
    [0x0f, 0x05], // syscall: returns only to fail, with -errno
    [0xf7, 0xd8], // neg eax
    [0x89, 0xc3], // mov ebx, eax
    [0xbf, 2, 0, 0, 0], // mov edi, 2 (stderr)
    [0x48, 0x8d, 0x35, 21, 0, 0, 0], // lea rsi, [rip + 21] (the message, 21 bytes on)
    [0xba, message.length, 0, 0, 0], // mov edx, its length
    [0xb8, 1, 0, 0, 0], // mov eax, 1 (write)
    [0x0f, 0x05], // syscall
    [0x89, 0xdf], // mov edi, ebx
    [0xb8, 60, 0, 0, 0], // mov eax, 60 (exit)
    [0x0f, 0x05], // syscall
    [...message],
  ].flat();
  return executable(new Uint8Array(code));
}

const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
/** Where the file lies in memory; any address that is free. */
const LOAD_ADDRESS = 0x400000n;

/** The smallest executable with this code: ELF header, one program header that loads the whole file, code. See elf(5). */
function executable(code: Uint8Array): Uint8Array {
  const codeOffset = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const file = new Uint8Array(codeOffset + code.length);
  const view = new DataView(file.buffer);
  const u16 = (offset: number, value: number) => view.setUint16(offset, value, true);
  const u32 = (offset: number, value: number) => view.setUint32(offset, value, true);
  const u64 = (offset: number, value: bigint) => view.setBigUint64(offset, value, true);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // "\x7fELF", 64 bits, little-endian, version 1
  u16(16, 2); // e_type: ET_EXEC
  u16(18, 62); // e_machine: EM_X86_64
  u32(20, 1); // e_version
  u64(24, LOAD_ADDRESS + BigInt(codeOffset)); // e_entry
  u64(32, BigInt(ELF_HEADER_BYTES)); // e_phoff
  u16(52, ELF_HEADER_BYTES); // e_ehsize
  u16(54, PROGRAM_HEADER_BYTES); // e_phentsize
  u16(56, 1); // e_phnum
  u32(64, 1); // p_type: PT_LOAD
  u32(68, 5); // p_flags: readable, executable
  u64(80, LOAD_ADDRESS); // p_vaddr
  u64(88, LOAD_ADDRESS); // p_paddr
  u64(96, BigInt(file.length)); // p_filesz
  u64(104, BigInt(file.length)); // p_memsz
  u64(112, 0x1000n); // p_align
  file.set(code, codeOffset);
  return file;
}
