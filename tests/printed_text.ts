/** What a program prints, for tests: it comes in pieces of any size, however it was written. */
import { assertEquals } from "@std/assert";

export class PrintedText {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** All that was printed and not taken yet, once it is as it should be. An Error if the program ends before. */
  async until(isThere: (text: string) => boolean): Promise<string> {
    while (!isThere(this.#text)) {
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`The program has ended: ${this.#text.slice(-2000)}`);
      this.#text += value;
    }
    return this.#text;
  }

  /** The next line, without its end; what follows it stays. */
  async line(): Promise<string> {
    const text = await this.until((text) => text.includes("\n"));
    const line = text.slice(0, text.indexOf("\n"));
    this.#text = text.slice(line.length + 1);
    return line;
  }

  /** Exactly this comes next, and nothing after it yet. */
  async expect(wanted: string): Promise<void> {
    assertEquals(await this.until((text) => text.length >= wanted.length), wanted);
    this.#text = "";
  }

  /** All that is printed until the program ends. */
  async rest(): Promise<string> {
    for (let done = false; !done;) {
      const part = await this.#reader.read();
      done = part.done;
      this.#text += part.value ?? "";
    }
    return this.#text;
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}
