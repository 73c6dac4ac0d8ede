/** The loads of the siege that are crowds: what their clients ask for, of which files and scripts, and what they may cost. */
import type { CrowdReport } from "./crowd.ts";
import { type CrowdLoad, MIB } from "./scenario.ts";

/** Files of the site; a number stands for a folder of so many empty files. */
export type SiteFiles = Readonly<Record<string, string | Uint8Array | number>>;

export interface CrowdScenario {
  readonly name: string;
  readonly files: SiteFiles;
  /** Of lisod, after those that all have. */
  readonly args: readonly string[];
  /** For `count` clients, which are a share of `fullCount`. */
  readonly load: (count: number) => Omit<CrowdLoad, "count" | "holdMs">;
  readonly fullCount: number;
  readonly mostBytes: number;
  /** What the fair client asks for, where it is not the small file. */
  readonly path?: string;
  /** nginx and lighttpd can be put to the same. */
  readonly isForPeers: boolean;
}

/** What the fair client gets. */
export const SMALL = "small\n";

export const SCRIPTS = {
  "cgi/small": `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n${SMALL.trim()}\\n'\n`,
  "cgi/large": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexec head -c 5000000 /dev/zero\n",
  "cgi/read": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nexec wc -c\n",
  "cgi/slow": "#!/bin/sh\nsleep 0.1\nprintf 'Content-Type: text/plain\\n\\nslow\\n'\n",
  "cgi/wait": '#!/bin/sh\necho $$ >"$RUNNING/$$"\nexec sleep 600\n',
  "cgi/second": "#!/bin/sh\nsleep 1\nprintf 'Content-Type: text/plain\\n\\nsecond\\n'\n",
};

/**
 * Most resident memory: --max-waiting-bytes bounds what waits at 256 MiB; the rest is for the server at rest (some 75 MiB), and
 * for what the collector has not come to, which is more on a machine where others are at work (up to 640 MiB was seen with 9,900
 * unread downloads at a load of 8 on two processors).
 */
const MOST_BYTES = 384 * MIB;
/** A listing is made once for all. */
const MOST_LISTING_BYTES = 256 * MIB;

const HOST = "HTTP/1.1\r\nHost: localhost\r\n";
const CLOSE = `${HOST}Connection: close\r\n\r\n`;

/** 63 KB, and no empty line at the end. */
const HEAD = `GET /small ${HOST}${
  Array.from({ length: 9 }, (_, index) => `X-${index}: ${"a".repeat(6980)}\r\n`).join("")
}`;
const CHUNK = "a".repeat(200_000);

/** Whoever holds most may be cut. */
const anyEnd = () => null;

function allAnswered(count: number): (report: CrowdReport) => string | null {
  return ({ answers }) =>
    answers["200"] === count ? null : `of ${count} answers ${count - (answers["200"] ?? 0)} were missing`;
}

export const CROWDS: readonly CrowdScenario[] = [
  {
    name: "unread downloads",
    files: { "big": new Uint8Array(16 * MIB) },
    args: [],
    load: () => ({ request: `GET /big ${HOST}\r\n`, reads: "nothing", judge: anyEnd }),
    fullCount: 9900,
    mostBytes: MOST_BYTES,
    isForPeers: true,
  },
  {
    name: "unfinished heads",
    files: {},
    args: [],
    load: () => ({ request: HEAD, reads: "nothing", judge: anyEnd }),
    fullCount: 9900,
    mostBytes: MOST_BYTES,
    isForPeers: true,
  },
  {
    name: "listings of 10,000",
    files: { "folder": 10_000 },
    args: ["--listing", "--max-listed-file-count", "100000"],
    load: (count) => ({ request: `GET /folder/ ${CLOSE}`, reads: "all", judge: allAnswered(count) }),
    fullCount: 750,
    mostBytes: MOST_LISTING_BYTES,
    isForPeers: true,
  },
  {
    name: "listings of 50,000",
    files: { "folder": 50_000 },
    args: ["--listing", "--max-listed-file-count", "100000"],
    load: (count) => ({ request: `GET /folder/ ${CLOSE}`, reads: "all", judge: allAnswered(count) }),
    fullCount: 100,
    mostBytes: MOST_LISTING_BYTES,
    isForPeers: true,
  },
  {
    name: "held uploads",
    files: {},
    // A content that still comes has none of the places for scripts.
    args: [],
    load: () => ({
      request: `POST /cgi/read ${HOST}Transfer-Encoding: chunked\r\n\r\n${CHUNK.length.toString(16)}\r\n${CHUNK}\r\n`,
      reads: "nothing",
      judge: anyEnd,
    }),
    fullCount: 2000,
    mostBytes: MOST_BYTES,
    path: "/cgi/small",
    isForPeers: false,
  },
  {
    name: "slow senders",
    files: {},
    args: [],
    load: () => ({
      request: `POST /cgi/read ${HOST}Content-Length: ${2 * CHUNK.length}\r\n\r\n${CHUNK}`,
      reads: "nothing",
      judge: anyEnd,
    }),
    fullCount: 1000,
    mostBytes: MOST_BYTES,
    path: "/cgi/small",
    isForPeers: false,
  },
  {
    name: "scripts, slow readers",
    files: {},
    args: [],
    load: () => ({ request: `GET /cgi/large ${HOST}\r\n`, reads: "slowly", judge: anyEnd }),
    fullCount: 200,
    mostBytes: MOST_BYTES,
    path: "/cgi/small",
    isForPeers: false,
  },
];
