/** Which lisod this is: what `--version`, the log, the manual pages, the packages and the bill of materials say. Pure. */

/** The one place of the number; changelog.txt has a chapter for it (scripts/check_texts.ts). Semantic Versioning 2.0.0. */
export const VERSION = "1.1.0";

/**
 * The commit that last changed what the binary is made of, and its date: "4becb5d1a2b3 of 2026-11-29"; "with changes" follows where
 * something was changed since. scripts/build writes it into its copy of this file; it stays empty outside of git.
 */
export const SOURCES: string = "";
