/**
 * What runs side by side, so that the whole takes little more than half the time: most tests wait more than they compute. Which
 * test files may not stands here, with the reason for each; every other one, a new one too, shares the machine with another.
 */

/** How many programs run side by side: more than processors there are would only hold each other up. */
export const LANE_COUNT = Math.min(2, navigator.hardwareConcurrency);

/**
 * Test files that have the machine to themselves, and why: what they look at would be the work of others as well, or others
 * would suffer from theirs.
 */
export const ALONE: Readonly<Record<string, string>> = {
  "tests/cgi_handler_test.ts":
    "limits of a few hundred milliseconds, within which a program has to have done something",
  "tests/http2_misuse_test.ts": "judges peaks of memory, which are higher where the collector gets no processor",
  "tests/http_limits_test.ts": "1,000 clients at once, and the processor time of a server that waits",
  "tests/http_load_test.ts": "judges peaks of memory, and 30,000 connections take the ports that others may want",
  "tests/idle_memory_test.ts": "judges the memory of connections to the KiB",
  "tests/listing_test.ts": "judges a peak of memory under load, and that others are answered meanwhile",
  "tests/native_off_alone_test.ts": "plays listing_test and cgi_handler_test again",
  "tests/service_manager_test.ts": "judges how soon a sign of life comes",
  "tests/slow_clients_test.ts": "1,000 clients at once, of which most have to be there within seconds",
  "tests/stalled_log_test.ts": "freezes a file system, on which whoever writes all to the disks waits; judges times",
  "tests/stalled_spool_test.ts": "freezes a file system, on which whoever writes all to the disks waits; judges times",
  "tests/tls_http_test.ts": "judges how long answers take",
  "tests/warm_suites_test.ts": "plays cgi_handler_test again",
  "tests/warm_test.ts": "judges how many requests are answered within seconds, and how soon a new library is seen",
};

/** Test files that use the same thing, and what: they run one after the other, beside others. */
export const SHARING: readonly { readonly files: readonly string[]; readonly thing: string }[] = [
  {
    files: ["tests/arm64_test.ts", "tests/build_script_test.ts", "tests/build_test.ts"],
    thing: "the folder in which scripts/build works, for which another build waits",
  },
];

/** Test files that take longest, and so begin first: one that began last would have a lane to itself at the end. */
export const LONGEST: readonly string[] = [
  "tests/native_off_test.ts",
  "tests/blog_browser_test.ts",
  "tests/tls_testssl_test.ts",
  "tests/arm64_test.ts",
  "tests/changing_files_test.ts",
  "tests/look_test.ts",
];

/** Test files that one program runs. */
export interface Batch {
  readonly files: readonly string[];
  readonly isAlone: boolean;
}

/** Shares all files out: first those that run side by side, the longest in front, and then those that run alone. */
export function shareOut(files: readonly string[]): readonly Batch[] {
  const batches = files.map((file) => SHARING.find((one) => one.files.includes(file))?.files ?? [file])
    .map((batch) => batch.filter((file) => files.includes(file)))
    .filter((batch, index) => batch[0] === files[index])
    .map((batch) => ({ files: batch, isAlone: batch.some((file) => file in ALONE) }));
  const turnOf = ({ files: [first], isAlone }: Batch) => {
    if (isAlone) return LONGEST.length + 1;
    return LONGEST.includes(first) ? LONGEST.indexOf(first) : LONGEST.length;
  };
  return batches.toSorted((one, other) => turnOf(one) - turnOf(other));
}
