/**
 * The codings in which a file can be had because the server compresses it: which one a client gets, and which are made. Separate from
 * the files of several codings that lie on the disk, for these are made of one that is known, when somebody asks. Pure.
 */
import { CODINGS, type ContentCoding, EncodingChoices } from "../coding/select_encoding.ts";
import type { ContentStore } from "./kept_content.ts";
import { encodedForm, type Representation } from "./representation.ts";

/** What is not shorter by that part is sent as it is. */
const LEAST_GAIN = 0.05;

export class CompressedForms {
  readonly plain: Representation;
  /** Null: not worth it. */
  readonly #forms = new Map<ContentCoding, Representation | null>();
  readonly #making = new Map<ContentCoding, Promise<Representation | null>>();
  readonly #store: ContentStore | null;
  readonly #choices = new EncodingChoices(CODINGS);

  constructor(plain: Representation, store: ContentStore | null = null) {
    this.plain = plain;
    this.#store = store;
  }

  /** Of what is made. */
  get byteCount(): number {
    return [...this.#forms.values()].reduce((sum, form) => sum + (form?.content == null ? 0 : form.length), 0);
  }

  /** The form for an Accept-Encoding field, without content where it is not made yet; null: the content as it is. */
  choose(acceptEncoding: string | null): Representation | null {
    const coding = this.#choices.choose(acceptEncoding);
    // RFC 9110 12.5.3: where no coding is acceptable, not even none, the field may be disregarded.
    if (coding === null || coding === "none") return null;
    const known = this.#forms.get(coding);
    if (known !== undefined) return known;
    const form = encodedForm(this.plain, coding);
    this.#forms.set(coding, form);
    return form;
  }

  /**
   * Has it made by one who asks, for all who ask meanwhile: the form with its content, or null where it is not worth it, and where
   * `compress` gives null for what cannot be had now. Rejects as `compress` does.
   */
  make(coding: ContentCoding, compress: () => Promise<Uint8Array | null>): Promise<Representation | null> {
    let making = this.#making.get(coding);
    if (making === undefined) {
      making = this.#make(coding, compress).finally(() => this.#making.delete(coding));
      this.#making.set(coding, making);
    }
    return making;
  }

  async #make(coding: ContentCoding, compress: () => Promise<Uint8Array | null>): Promise<Representation | null> {
    const bytes = await compress();
    if (bytes === null) return null;
    const isWorthIt = bytes.length <= this.plain.length * (1 - LEAST_GAIN);
    const form = isWorthIt ? encodedForm(this.plain, coding, bytes, this.#store) : null;
    this.#forms.set(coding, form);
    return form;
  }
}
