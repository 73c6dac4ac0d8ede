/**
 * Whether memory grows: judged by what the samples of a soak say at its end against what they said once it was warm. Pure.
 */

/** Resident memory of the server at a moment of the soak. */
export interface Sample {
  /** Since its beginning. */
  readonly seconds: number;
  readonly bytes: number;
}

export interface Growth {
  /** Medians: within WINDOW_SECONDS from `warmSeconds` on, and at the end. */
  readonly warmBytes: number;
  readonly endBytes: number;
  readonly allowedBytes: number;
}

/** A first minute of everything, after which a server has what it keeps; a shorter soak is warm at its half. */
const WARM_SECONDS = 60;
/** Garbage comes and goes within that time. */
const WINDOW_SECONDS = 10;
/** Of the warm memory. */
const ALLOWED_SHARE = 0.1;

/** `samples` in order of time, at least one in each window. */
export function measureGrowth(samples: readonly Sample[]): Growth {
  const end = samples[samples.length - 1].seconds;
  const warmSeconds = Math.min(WARM_SECONDS, end / 2);
  const windowSeconds = Math.min(WINDOW_SECONDS, end / 4);
  const within = (from: number) =>
    median(samples.filter(({ seconds }) => seconds >= from && seconds <= from + windowSeconds));
  const [warmBytes, endBytes] = [within(warmSeconds), within(end - windowSeconds)];
  return { warmBytes, endBytes, allowedBytes: warmBytes * ALLOWED_SHARE };
}

function median(samples: readonly Sample[]): number {
  const bytes = samples.map((sample) => sample.bytes).sort((a, b) => a - b);
  return bytes[Math.floor(bytes.length / 2)];
}
