/**
 * The server's own parts over a configuration, with a runner that only says what it was to run: eva, whose password is "secret",
 * is the one user. Shared by the fuzzers that compare these parts with a model.
 */
import { Authenticator } from "../../lib/access/authenticator.ts";
import type { Config } from "../../lib/config/config.ts";
import type { ScriptLocation } from "../../lib/gateway/meta_variables.ts";
import { HeaderFields } from "../../lib/http/header_fields.ts";
import { EMPTY_BODY } from "../../lib/http/message.ts";
import { WHOLE } from "../../lib/net/listen_address.ts";
import { Router } from "../../lib/site/router.ts";
import { createFileMemory } from "../../lib/static/file_memory.ts";
import { buildSites, createAnswerers } from "../../lib/worker/build_site.ts";

/** A realm with its prefix, as a site of a configuration has it. */
interface Guarded {
  readonly name: string;
  readonly prefix: { readonly segments: readonly string[] };
}

interface SitesRouterOptions {
  /** What the field X-Told of an answer says of a program that was to run. */
  readonly tell: (script: ScriptLocation) => string;
  /** Those of each site. */
  readonly realms: readonly (readonly Guarded[])[];
}

export function createSitesRouter(config: Config, { tell, realms }: SitesRouterOptions): Router {
  const answerers = createAnswerers(config, {
    memory: createFileMemory(config.limits),
    runner: {
      answer: (_, { script }) =>
        Promise.resolve({ status: 200, fields: HeaderFields.of(["X-Told", tell(script)]), body: EMPTY_BODY }),
      converse: () => Promise.reject(new Error("No WebSocket")),
    },
    forwarder: null,
    nowMs: () => 0,
    isBefore1970: () => null,
    identityOf: () => ({ uid: 0, gid: 0 }),
    part: WHOLE,
    gatherStatus: null,
    placeIndex: () => 0,
  });
  const sites = buildSites(config, {
    answerers,
    users: realms.map((ofSite) => ({
      realms: ofSite.map(({ name, prefix }) => ({ name, prefix, users: new Map([["eva", "secret"]]) })),
      groups: new Map(),
    })),
    authenticator: new Authenticator({
      limits: { maxGuessCount: 1_000_000, guessMs: 1 },
      nowMs: () => 0,
      checkPassword: (password, hash) => Promise.resolve(password === hash),
      log: { info: () => {} },
    }),
    errorResponseOf: () => ({ status, fields }) => ({ status, fields, body: EMPTY_BODY }),
  });
  return new Router({ sites, rules: config.rules, rate: null });
}
