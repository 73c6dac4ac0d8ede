import { assertEquals } from "@std/assert";
import { type Config, parseCommandLine } from "./config.ts";
import { WHOLE } from "../net/listen_address.ts";
import { shareConfig } from "./share_config.ts";
import { NO_FILES } from "../../tests/config_texts.ts";

function configOf(...args: readonly string[]): Config {
  const command = parseCommandLine(["--root", "/www", ...args], {
    cwd: "/",
    environment: {},
    configFiles: NO_FILES,
  });
  if (command.kind !== "serve") throw new Error(`Not to serve: ${command.kind}`);
  return command.config;
}

Deno.test("shareConfig() gives parts that add up to the whole, and none of 0 where there is something to share", () => {
  const table: readonly { readonly whole: number; readonly want: readonly number[] }[] = [
    { whole: 10_000, want: [3334, 3333, 3333] },
    { whole: 3, want: [1, 1, 1] },
    { whole: 2, want: [1, 1, 1] },
    { whole: 0, want: [0, 0, 0] },
  ];
  for (const { whole, want } of table) {
    const config = configOf("--max-rate", `${whole}`, "--cgi-queue", `${whole}`);
    const parts = want.map((_, index) => shareConfig(config, { index, count: want.length }));
    assertEquals(parts.map(({ limits }) => limits.maxRate), want);
    assertEquals(parts.map(({ cgi }) => cgi.maxQueue), want);
  }
});

Deno.test("shareConfig() divides what is for the process or an address, and nothing else", () => {
  const config = configOf("--max-rate", "10", "--cgi-max", "9");
  assertEquals(shareConfig(config, WHOLE), config);
  const { limits, cgi, ...rest } = shareConfig(config, { index: 1, count: 2 });
  const changed = Object.entries(limits).filter(([name, value]) =>
    value !== Object.entries(config.limits).find(([each]) => each === name)?.[1]
  );
  assertEquals(Object.fromEntries(changed), {
    maxConnectionCount: 5000,
    maxPerAddress: 128,
    maxRate: 5,
    maxGuessCount: 5,
    maxFileCacheBytes: 33_554_432,
    maxForwardHttpIdleCount: 32,
    maxForwardIdleCount: 2,
    maxCachedFileCount: 8192,
    maxFileBufferBytes: 8_388_608,
    maxListingBytes: 16_777_216,
    maxWaitingBytes: 134_217_728,
    maxOutputMemoryBytes: 8_388_608,
    maxOutputFileBytes: 536_870_912,
    maxWarmCount: 4,
  });
  assertEquals([cgi.maxScripts, cgi.maxQueue], [4, 128]);
  assertEquals({ ...rest, limits: config.limits, cgi: config.cgi }, config);
});
