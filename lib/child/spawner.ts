/**
 * Starts programs by posix_spawn(3), each as the leader of a session and so of a process group, which is the one thing that
 * can be ended whole, and with no descriptor of the server but its own three. Separate from child_process.ts, which is
 * about a program that runs.
 */
import type { Watcher } from "../system/epoll.ts";
import { O_CLOEXEC } from "../system/flags.ts";
import type { Readiness } from "../system/readiness.ts";
import { PipeReader, PipeWriter } from "./pipe.ts";
import type { Child, ChildCommand, ChildEnd, Starter } from "./child.ts";
import { ChildPace } from "./child_pace.ts";
import { ChildProcess } from "./child_process.ts";
import { OwnChildren } from "./own_children.ts";
import { SpawnMemory } from "./spawn_arguments.ts";
import { EMFILE, SpawnError } from "./spawn_error.ts";
import { StartGate } from "./start_gate.ts";
import { keepDescriptorsFromPrograms, type SystemCalls } from "../system/process_calls.ts";

/** Linux and glibc, spawn.h and signal.h. */
const POSIX_SPAWN_SETSIGDEF = 4;
const POSIX_SPAWN_SETSIGMASK = 8;
const POSIX_SPAWN_SETSID = 0x80;
const SIGPIPE = 13;
/** posix_spawnattr_t has 336 bytes, sigset_t 128. */
const ATTRIBUTES_BYTES = 512;
const SIGNALS_BYTES = 128;
/** Executing a program takes less than a millisecond where it is in memory. */
const SLOW_START_MS = 50;
/** Of what a crowd of scripts prints. */
const MAX_PAUSE_MS = 5;
/** What a program gets beside the standard streams, where it gets something. */
const CONTROL = 3;
const DEV_NULL = new TextEncoder().encode("/dev/null\0");

/** The ends of the pipes that a program gets; `input` null: it gets /dev/null. */
export interface GivenEnds {
  readonly input: number | null;
  readonly output: number;
  readonly errors: number;
}

/** A program that another process has started, as the leader of a session, and reaps. */
export interface StartedElsewhere {
  readonly pid: number;
  /** Never rejects. */
  readonly ended: Promise<ChildEnd>;
}

export interface SpawnerOptions {
  /** Where what is started is known to others. */
  readonly own?: OwnChildren;
  readonly pace?: ChildPace;
}

export class Spawner implements Starter {
  /** Of the C library, also for whoever has programs started elsewhere. */
  readonly calls: SystemCalls;
  readonly #readiness: Readiness;
  readonly #paced: Watcher;
  readonly #pace: ChildPace;
  readonly #own: OwnChildren;
  readonly #memory: SpawnMemory;
  readonly #gate = new StartGate({ maxStarts: 1 + navigator.hardwareConcurrency, slowMs: SLOW_START_MS });
  readonly #attributes = new Uint8Array(ATTRIBUTES_BYTES);
  readonly #descriptors = new Int32Array(2);

  /** `readiness` is to be closed after all that was started has ended. */
  constructor(
    calls: SystemCalls,
    readiness: Readiness,
    {
      own = new OwnChildren(),
      pace = new ChildPace({ processors: navigator.hardwareConcurrency, maxPauseMs: MAX_PAUSE_MS }),
    }: SpawnerOptions = {},
  ) {
    this.calls = calls;
    this.#readiness = readiness;
    this.#paced = readiness.paced(() => pace.pauseMs);
    this.#pace = pace;
    this.#own = own;
    this.#memory = new SpawnMemory(calls);
    const ignored = new Uint8Array(SIGNALS_BYTES);
    ignored[(SIGPIPE - 1) >> 3] = 1 << ((SIGPIPE - 1) & 7);
    calls.posix_spawnattr_init(this.#attributes);
    calls.posix_spawnattr_setflags(
      this.#attributes,
      POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID,
    );
    calls.posix_spawnattr_setsigmask(this.#attributes, new Uint8Array(SIGNALS_BYTES));
    // The runtime ignores it, which programs would inherit.
    calls.posix_spawnattr_setsigdefault(this.#attributes, ignored);
    keepDescriptorsFromPrograms(calls);
  }

  async start(command: ChildCommand): Promise<Child> {
    const { own, given } = this.#openPipes(command.hasInput);
    try {
      const { pid, forget } = await this.#spawn(command, given);
      const endPace = command.isService === true ? () => {} : this.#beginPace();
      const onReaped = () => {
        forget();
        endPace();
      };
      return new ChildProcess(pid, { ...own, calls: this.calls, readiness: this.#paced, onReaped });
    } catch (error) {
      for (const end of [own.input, own.output, own.errors]) end?.close();
      throw error;
    } finally {
      this.#closeAll(given);
    }
  }

  /**
   * A program that another process starts: `start` has copies of the ends of its pipes made, which are closed here when it
   * has settled. Null where it resolves to null, for nothing was started. Rejects as `start` does, and with SpawnError.
   */
  async startBy(
    hasInput: boolean,
    start: (ends: GivenEnds) => Promise<StartedElsewhere | null>,
  ): Promise<Child | null> {
    const { own, given } = this.#openPipes(hasInput);
    let child: Child | null = null;
    try {
      const started = await start(given);
      if (started !== null) {
        const parts = { calls: this.calls, readiness: this.#paced, onReaped: this.#beginPace() };
        child = new ChildProcess(started.pid, { ...own, ...parts, ended: started.ended });
      }
      return child;
    } finally {
      if (child === null) { for (const end of [own.input, own.output, own.errors]) end?.close(); }
      this.#closeAll(given);
    }
  }

  /** One more program runs; what this returns is to be called when it has ended. */
  #beginPace(): () => void {
    this.#pace.begin();
    const startMs = performance.now();
    return () => this.#pace.end(performance.now() - startMs);
  }

  /** Resolves to the process id, and what is to be called when it has been reaped. */
  async #spawn(command: ChildCommand, ends: GivenEnds): Promise<{ readonly pid: number; readonly forget: () => void }> {
    const memory = this.#memory.lay(command);
    const { actions, processId, program, words, environment, folder } = memory;
    const calls = this.calls;
    calls.posix_spawn_file_actions_init(actions);
    try {
      if (ends.input === null) calls.posix_spawn_file_actions_addopen(actions, 0, DEV_NULL, 0, 0);
      else calls.posix_spawn_file_actions_adddup2(actions, ends.input, 0);
      calls.posix_spawn_file_actions_adddup2(actions, ends.output, 1);
      calls.posix_spawn_file_actions_adddup2(actions, ends.errors, 2);
      // Where it has that number already, glibc keeps it open all the same.
      if (command.control !== undefined) calls.posix_spawn_file_actions_adddup2(actions, command.control, CONTROL);
      calls.posix_spawn_file_actions_addchdir_np(actions, folder);
      const { errno, start } = await this.#gate.pass(async () => {
        const start = this.#own.begin();
        return {
          errno: await calls.posix_spawn(processId, program, actions, this.#attributes, words, environment),
          start,
        };
      });
      if (errno === 0) return { pid: processId[0], forget: start.started(processId[0]) };
      start.failed();
      throw new SpawnError(errno);
    } finally {
      calls.posix_spawn_file_actions_destroy(actions);
      this.#memory.giveBack(memory);
    }
  }

  #openPipes(hasInput: boolean) {
    const services = { calls: this.calls, readiness: this.#readiness, paced: this.#paced };
    const opened: number[] = [];
    const open = () => {
      if (this.calls.pipe2(this.#descriptors, O_CLOEXEC) !== 0) {
        opened.forEach((descriptor) => this.calls.close(descriptor));
        throw new SpawnError(EMFILE);
      }
      opened.push(...this.#descriptors);
      const [readable, writable] = this.#descriptors;
      return { readable, writable };
    };
    const input = hasInput ? open() : null;
    const output = open();
    const errors = open();
    return {
      own: {
        input: input === null ? null : new PipeWriter(input.writable, services),
        output: new PipeReader(output.readable, services),
        errors: new PipeReader(errors.readable, services),
      },
      given: { input: input?.readable ?? null, output: output.writable, errors: errors.writable },
    };
  }

  #closeAll({ input, output, errors }: GivenEnds): void {
    for (const descriptor of [input, output, errors]) {
      if (descriptor !== null) this.calls.close(descriptor);
    }
  }
}
