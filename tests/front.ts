/** Proxies that stand before ./lisod in end-to-end tests: programs that run in the foreground and listen on a port of 127.0.0.1. */

export interface Front {
  readonly port: number;
  /** What it has printed. */
  readonly log: () => string;
  /** Resolves when it has printed that; it is killed where that takes too long, and this throws. */
  readonly hasLogged: (text: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Longest wait for a line of its log. */
const LOG_MS = 10_000;

/** Starts the program in the foreground and waits until it accepts. */
export async function startFront(command: readonly string[], port: number): Promise<Front> {
  const process = new Deno.Command(command[0], {
    args: command.slice(1),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  })
    .spawn();
  let text = "";
  const waiting: (() => void)[] = [];
  const reading = (async () => {
    for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      for (const look of waiting.splice(0)) look();
    }
  })();
  const hasLogged = async (wanted: string) => {
    const giveUp = setTimeout(() => process.kill("SIGKILL"), LOG_MS);
    let hasEnded = false;
    reading.then(() => hasEnded = true);
    while (!text.includes(wanted) && !hasEnded) {
      await Promise.race([reading, new Promise<void>((look) => waiting.push(look))]);
    }
    clearTimeout(giveUp);
    if (!text.includes(wanted)) throw new Error(`${command[0]} has not printed ${JSON.stringify(wanted)}:\n${text}`);
  };
  for (let round = 0; round < 100 && !await accepts(port); round++) await new Promise((go) => setTimeout(go, 50));
  const stop = async () => {
    process.kill("SIGTERM");
    await Promise.all([process.status, reading]);
  };
  return { port, log: () => text, hasLogged, stop };
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ port, hostname: "127.0.0.1" })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

/** Below the range from which the system takes ports for connections. */
export function freePort(): number {
  for (let port = 20_000 + Math.floor(Math.random() * 10_000);; port++) {
    try {
      Deno.listen({ port, hostname: "127.0.0.1" }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
