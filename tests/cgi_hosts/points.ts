/** All points of the book, in its order. */
import type { Point } from "./point.ts";
import { ANSWERS } from "./points/answers.ts";
import { HEADS } from "./points/heads.ts";
import { LOCATIONS } from "./points/locations.ts";
import { PATHS } from "./points/paths.ts";
import { PROCESSES } from "./points/processes.ts";
import { REQUESTS } from "./points/requests.ts";
import { STATUSES } from "./points/statuses.ts";
import { VARIABLES } from "./points/variables.ts";

export const POINTS: readonly Point[] = [
  ...HEADS,
  ...STATUSES,
  ...LOCATIONS,
  ...PATHS,
  ...VARIABLES,
  ...REQUESTS,
  ...ANSWERS,
  ...PROCESSES,
];
