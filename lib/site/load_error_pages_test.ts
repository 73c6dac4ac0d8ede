import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { loadErrorPages } from "./load_error_pages.ts";
import { StartError } from "../start_error.ts";

const LIMITS = { maxErrorPageBytes: 100 };

function withFolder(files: Readonly<Record<string, string>>, test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "lisod-pages-" });
  try {
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(join(folder, name), text);
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const given = (value: string) => ({ argument: "--error-pages", value });

Deno.test("loadErrorPages() reads pages by what they stand for and leaves other files alone", () => {
  const pages = { "404.html": "a", "599.html": "b", "4xx.html": "c", "5xx.html": "d", "error.html": "x".repeat(100) };
  const others = {
    "200.html": "",
    "600.html": "",
    "404.htm": "",
    "4040.html": "",
    "x500.html": "",
    "style.css": "x".repeat(101),
  };
  withFolder({ ...pages, ...others }, (folder) => {
    const loaded = [...loadErrorPages(given(folder), LIMITS)].map((
      [key, bytes],
    ) => [key, new TextDecoder().decode(bytes)]);
    assertEquals(Object.fromEntries(loaded), { 404: "a", 599: "b", "4xx": "c", "5xx": "d", error: "x".repeat(100) });
  });
});

Deno.test("loadErrorPages() refuses a folder that is none, holds no page, or a page that cannot be used", () => {
  const refuse = (folder: string, value: string, problem: string) => {
    const error = assertThrows(() => loadErrorPages(given(folder), LIMITS), StartError);
    const remedy = "name a readable folder with 404.html, 4xx.html, 5xx.html or error.html";
    assertEquals(error.message, `--error-pages "${value}": ${problem}: ${remedy}`);
  };
  withFolder({ file: "" }, (folder) => {
    refuse(folder, folder, "holds no page");
    refuse(join(folder, "none"), join(folder, "none"), "does not exist");
    refuse(join(folder, "file"), join(folder, "file"), "a part of the path is not a folder");
  });
  withFolder({ "404.html": "x".repeat(101) }, (folder) => {
    refuse(folder, join(folder, "404.html"), "longer than 100 bytes");
  });
  withFolder({}, (folder) => {
    Deno.mkdirSync(join(folder, "5xx.html"));
    refuse(folder, join(folder, "5xx.html"), "is a folder");
  });
  withFolder({}, (folder) => {
    Deno.symlinkSync("nowhere", join(folder, "404.html"));
    refuse(folder, join(folder, "404.html"), "does not exist");
  });
});
