/**
 * Headless Chromium for the end-to-end tests: Debian's browser, driven by the playwright-core that the set-up leaves in
 * .tools/. It is not imported as an npm package, because deno compile embeds each package of the lock file. It is
 * CommonJS, which Deno reads outside of node_modules with `--unstable-detect-cjs` alone.
 */
import { createRequire } from "node:module";
import { join } from "@std/path";

const PROJECT = join(import.meta.dirname ?? ".", "..");
const PLAYWRIGHT = join(PROJECT, ".tools", "playwright-core");
const AXE = join(PROJECT, ".tools", "axe-core", "axe.min.js");
const CHROMIUM = "/usr/bin/chromium";

/** The profile is a new empty folder each time: playwright makes and removes it. */
const FLAGS = [
  "--headless",
  "--no-sandbox", // the tests run as root in containers too
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Longest wait for one step in the browser. */
const STEP_MS = 15_000;

/** What the tests use of playwright-core, whose own types need a browser's and Node's. */
export interface Page {
  goto(url: string): Promise<PageResponse | null>;
  title(): Promise<string>;
  textContent(selector: string): Promise<string | null>;
  click(selector: string): Promise<void>;
  fill(selector: string, value: string): Promise<void>;
  inputValue(selector: string): Promise<string>;
  setInputFiles(selector: string, path: string): Promise<void>;
  url(): string;
  evaluate(expression: string): Promise<unknown>;
  screenshot(options: { readonly path: string; readonly fullPage?: boolean }): Promise<unknown>;
  setDefaultTimeout(ms: number): void;
  context(): { newCDPSession(page: Page): Promise<DevToolsSession> };
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: Error) => void): void;
  on(event: "requestfailed", listener: (request: PageRequest) => void): void;
  on(event: "response", listener: (response: PageResponse) => void): void;
}

interface PageRequest {
  url(): string;
  failure(): { readonly errorText: string } | null;
}

interface PageResponse {
  url(): string;
  status(): number;
}

export interface PageOptions {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
  readonly ignoreHTTPSErrors?: boolean;
  readonly javaScriptEnabled?: boolean;
}

/** What a page is looked at with: the narrowest phone that is common, and a desktop. */
export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1280, height: 800 };

/**
 * Keeps a screenshot of the whole page as `artefacts/NAME.png`. Returns what is wrong with it: that it scrolls sideways, and
 * every violation that axe-core finds, with the elements concerned.
 */
export async function inspectPage(page: Page, name: string): Promise<readonly string[]> {
  await page.screenshot({ path: join(PROJECT, "artefacts", `${name}.png`), fullPage: true });
  const excess = Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
  await page.evaluate(await Deno.readTextFile(AXE));
  const violations = await page.evaluate(
    `axe.run(document, ${JSON.stringify(AXE_OPTIONS)}).then(({ violations }) => violations
      .map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target).join(", ")))`,
  ) as readonly string[];
  return [...(excess > 0 ? [`scrolls sideways by ${excess} px`] : []), ...violations];
}

/** Every rule that is on by default, and the least size of what is clicked on (WCAG 2.2, 2.5.8), which is not. */
const AXE_OPTIONS = { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } };

/** The Chrome DevTools Protocol, for what playwright has no words for. */
interface DevToolsSession {
  send(method: "Security.enable"): Promise<unknown>;
  once(event: "Security.visibleSecurityStateChanged", listener: (event: SecurityEvent) => void): void;
}

interface SecurityEvent {
  readonly visibleSecurityState: {
    readonly securityState: string;
    readonly certificateSecurityState?: { readonly protocol: string };
  };
}

/** What the browser's lock says. */
export interface PageSecurity {
  /** `secure`, `insecure`, `insecure-broken`, `neutral`. */
  readonly state: string;
  /** `TLS 1.3`; null without TLS. */
  readonly protocol: string | null;
}

interface PlaywrightBrowser {
  newPage(options?: PageOptions): Promise<Page>;
  close(): Promise<void>;
}

interface Playwright {
  readonly chromium: {
    launch(options: {
      executablePath: string;
      args: readonly string[];
      timeout: number;
      env?: Readonly<Record<string, string>>;
    }): Promise<PlaywrightBrowser>;
  };
}

/** A running browser; disposing ends it. */
export class Browser implements AsyncDisposable {
  readonly #browser: PlaywrightBrowser;

  private constructor(browser: PlaywrightBrowser) {
    this.#browser = browser;
  }

  /** `home` is a folder with settings of the browser's user, such as certificates; without it, that of the tests. */
  static async launch({ home }: { readonly home?: string } = {}): Promise<Browser> {
    const { chromium }: Playwright = createRequire(import.meta.url)(PLAYWRIGHT);
    const env = home === undefined ? {} : { env: { ...Deno.env.toObject(), HOME: home } };
    return new Browser(await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: STEP_MS, ...env }));
  }

  /**
   * A new page with cookies of its own, and a list that grows with all that goes wrong on it: console errors and warnings,
   * uncaught errors, requests that fail and responses of 400 and above.
   */
  async openPage(options: PageOptions = {}): Promise<{ readonly page: Page; readonly faults: readonly string[] }> {
    const page = await this.#browser.newPage(options);
    page.setDefaultTimeout(STEP_MS);
    const faults: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) faults.push(`console ${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
    page.on("requestfailed", (request) => faults.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
    page.on("response", (response) => {
      if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`);
    });
    return { page, faults };
  }

  /** What the lock beside the address of an open page says. */
  async securityOf(page: Page): Promise<PageSecurity> {
    const session = await page.context().newCDPSession(page);
    const { promise, resolve } = Promise.withResolvers<SecurityEvent>();
    session.once("Security.visibleSecurityStateChanged", resolve);
    await session.send("Security.enable");
    const { securityState, certificateSecurityState } = (await promise).visibleSecurityState;
    return { state: securityState, protocol: certificateSecurityState?.protocol ?? null };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
