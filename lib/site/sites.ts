/**
 * From a host and a path to the place that guards and answers them. Separate because this is the one look that decides; all
 * that follows is told where it is. Pure.
 */
import { cutPath, locate, type Located } from "../http/located.ts";
import { HostMap } from "../host_map.ts";
import { PrefixTree } from "../http/prefix_tree.ts";
import { rewrite, type Rewritten } from "./rewrite.ts";
import type { Place, Site } from "./site.ts";

/** Where a path leads. */
export interface Location {
  readonly site: Site;
  readonly place: Place;
  /** The path as the answer of the place sees it. */
  readonly at: Located;
  /**
   * Other places that guard it: those of what the path of a folder may be answered with, for what guards that by its name
   * guards it also here; and those of the path that was asked for, where another one stands in its place.
   */
  readonly others: readonly Place[];
  /**
   * What stands in place of what was asked for; null: nothing. `place` and `at` are where that leads, unless the client is sent
   * there.
   */
  readonly rewritten: Rewritten | null;
}

export interface SitesOptions {
  /** Nobody answers for hosts that no site names. */
  readonly refusesUnknownHosts?: boolean;
}

/** Sites by host. */
export class Sites {
  readonly #first: LocatedSite;
  /** Null where one answers for every host. */
  readonly #byHost: HostMap<LocatedSite> | null;
  readonly #refusesUnknownHosts: boolean;

  /** `sites` are at least one; the first is that of hosts which none names. Throws for one without a place for all of it. */
  constructor(sites: readonly Site[], { refusesUnknownHosts = false }: SitesOptions = {}) {
    const all = sites.map((site) => new LocatedSite(site));
    this.#first = all[0];
    const isAlone = all.length === 1 && !refusesUnknownHosts;
    this.#byHost = isAlone ? null : new HostMap(all.map((located) => [located.site.hosts, located]));
    this.#refusesUnknownHosts = refusesUnknownHosts;
  }

  /** `host` in lower case; "" where the client named none. One that nobody answers for has the pages of the first. */
  of(host: string): Site {
    return (this.#find(host) ?? this.#first).site;
  }

  /**
   * `path` is decoded. What was found lately is found by one look into a table, and is the same object. Null where nobody
   * answers for the host.
   */
  find(host: string, path: string): Location | null {
    const site = this.#find(host) ?? (this.#refusesUnknownHosts ? null : this.#first);
    return site === null ? null : site.find(path);
  }

  /** The same for a path that the server has chosen, and that nothing stands in place of. */
  findServed(host: string, path: string): Location {
    return (this.#find(host) ?? this.#first).look(path);
  }

  #find(host: string): LocatedSite | null {
    return this.#byHost === null ? this.#first : this.#byHost.find(host) ?? null;
  }
}

/** So many paths are known with where they lead, if they are no longer than that: clients choose them. */
const MAX_KNOWN_COUNT = 1024;
const MAX_KNOWN_LENGTH = 256;

class LocatedSite {
  readonly site: Site;
  readonly #places: PrefixTree<Place>;
  /** So that the path of a file in memory is not cut again, which would allocate for each request. */
  readonly #known = new Map<string, Location>();

  constructor(site: Site) {
    this.site = site;
    this.#places = new PrefixTree(site.places.map((place) => ({ ...place.prefix, value: place })));
    if (this.#places.get({ segments: [] }) === undefined) throw new Error("A site without a place for all of it");
  }

  find(path: string): Location {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const location = this.#rewrite(path);
    if (path.length > MAX_KNOWN_LENGTH) return location;
    if (this.#known.size >= MAX_KNOWN_COUNT) this.#known.clear();
    this.#known.set(path, location);
    return location;
  }

  #rewrite(path: string): Location {
    const asked = this.look(path);
    const rewritten = rewrite(path, this.site.rewrites);
    if (rewritten === null) return asked;
    if (rewritten.redirect !== null) return { ...asked, rewritten };
    return join(this.look(rewritten.address("").path), [asked.place, ...asked.others], rewritten);
  }

  /** As `find`, but for rewrites, and looked for anew. */
  look(path: string): Location {
    const segments = cutPath(path);
    const place = this.#placeOf(segments);
    const names = path.endsWith("/") ? place.indexNames : [];
    const indexes = names.map((name) => ({ name, place: this.#placeOf([...segments, name]) }));
    const others = new Set(indexes.map((index) => index.place));
    // A program, say, that is mounted by the very name of an index is there, whatever is in the folder.
    const mounted = indexes.find((index) => index.place.mount.segments.length > segments.length);
    if (mounted !== undefined) {
      const indexPath = path + mounted.name;
      const address = (query: string) => ({ path: indexPath, query });
      return join(this.look(indexPath), [place, ...others], { redirect: null, address });
    }
    others.delete(place);
    return {
      site: this.site,
      place,
      at: locate(path, segments, place.mount.segments.length),
      others: [...others],
      rewritten: null,
    };
  }

  #placeOf(segments: readonly string[]): Place {
    const found = this.#places.nearest(segments);
    if (found === null) throw new Error("Unreachable: a site has a place for all of it");
    return found.value;
  }
}

/** Where a path leads that stands in place of another one, which these places guard. */
function join(served: Location, guarding: readonly Place[], rewritten: Rewritten): Location {
  const others = new Set([...served.others, ...guarding]);
  others.delete(served.place);
  return { ...served, others: [...others], rewritten };
}
