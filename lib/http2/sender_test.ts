/** Heads that are given again: as they were, where nothing about them is another. */
import { assertEquals } from "@std/assert";
import { readFrames, T } from "../../tests/http2_frames.ts";
import { HeaderFields } from "../http/header_fields.ts";
import { KeptHead } from "../http/kept_head.ts";
import { OutputBuffer } from "../http/output_buffer.ts";
import { OwnFields } from "../http/own_fields.ts";
import { HeaderDecoder } from "./header_decoder.ts";
import { DEFAULT_PRIORITY } from "./priority.ts";
import { ResponseHeads } from "./response_heads.ts";
import { Sender } from "./sender.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";
import { Stream } from "./stream.ts";

const FIELDS = HeaderFields.of(["Content-Type", "text/plain"], ["ETag", '"a"']);

/** Fields of a place. */
function ownWith(name: string): OwnFields {
  return new OwnFields({ defaults: HeaderFields.of([name, "x"]), always: HeaderFields.EMPTY });
}

Deno.test("Sender says the same of an answer that is given again, and something else where its place, its length or the second is another", () => {
  const output = new OutputBuffer();
  const sender = new Sender({ bufferFor: () => output }, new ResponseHeads(ownWith("x-server")), {
    allowFrames: () => {},
  });
  const decoder = new HeaderDecoder();
  const keptHead = new KeptHead();
  const [one, other] = [ownWith("x-one"), ownWith("x-other")];
  let id = -1;
  const send = (own: OwnFields | undefined, length: number, second: number): readonly string[] => {
    const stream = new Stream(id += 2, {
      hasPeerEnded: true,
      expectedBytes: 0,
      sendWindow: 0,
      priority: DEFAULT_PRIORITY,
    });
    const head = { status: 200, fields: FIELDS, length, keptHead, own };
    sender.sendHead(stream, head, { isBodyless: false, nowMs: second * 1000 });
    const [frame] = readFrames(output.takeAll().slice()).frames;
    assertEquals(frame.type, T.headers);
    const fields: string[] = [];
    decoder.decode(frame.payload, { start: 0, end: frame.payload.length }, {
      add: ({ bytes }) => fields.push(new TextDecoder().decode(bytes)),
    });
    return fields;
  };
  const want = (name: string, length: number, second: number) => [
    ":status200",
    `dateThu, 01 Jan 1970 00:00:0${second} GMT`,
    "serverLiso/1.0",
    `${name}x`,
    `content-length${length}`,
    "content-typetext/plain",
    'etag"a"',
  ];
  for (let round = 0; round < 3; round++) {
    for (const second of [1, 2]) {
      for (const length of [5, 6]) {
        for (
          const [own, name] of [[undefined, "x-server"], [one, "x-one"], [other, "x-other"], [one, "x-one"]] as const
        ) {
          for (let count = 0; count < 3; count++) assertEquals(send(own, length, second), want(name, length, second));
        }
      }
      if (round === 1) sender.applySettings({ ...DEFAULT_SETTINGS, headerTableBytes: 100 * second });
    }
  }
});
