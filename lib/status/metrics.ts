/**
 * Which metrics there are, and what they are called: the names and units that Prometheus asks for. examples/grafana/ has a
 * dashboard of them. Separate from the page, which shows the same numbers to people. Pure. prometheus.io/docs/practices/naming.
 */
import type { Family, Labels, Sample } from "./exposition.ts";
import type { Times } from "./histogram.ts";
import { countOf } from "./histogram.ts";
import type { ServerStatus } from "./server_status.ts";

export function metricFamilies(status: ServerStatus): readonly Family[] {
  return [
    ...processFamilies(status),
    ...requestFamilies(status),
    ...connectionFamilies(status),
    ...scriptFamilies(status),
    ...upstreamFamilies(status),
    ...operatorFamilies(status),
  ];
}

function processFamilies(status: ServerStatus): readonly Family[] {
  const { server, answeringWorkers, heapBytes, waitingBytes } = status;
  const { version, runtime, startMs, workers, residentBytes, cpuSeconds, openDescriptors, mostDescriptors } = server;
  return [
    gauge("lisod_build_info", "Version of the server and of its runtime; always 1", [
      { labels: { version, runtime }, value: 1 },
    ]),
    gauge("lisod_start_time_seconds", "When the server was started, Unix time", only(startMs / 1000)),
    gauge("lisod_workers", "Threads that serve", only(workers)),
    gauge("lisod_workers_answering", "Threads whose numbers are in this answer", only(answeringWorkers)),
    gauge("lisod_resident_memory_bytes", "Resident memory of the process", only(residentBytes)),
    gauge("lisod_heap_bytes", "Objects on the heaps of all threads", only(heapBytes)),
    gauge("lisod_waiting_bytes", "Memory that waits for clients (--max-waiting-bytes)", only(waitingBytes)),
    counter("lisod_cpu_seconds", "Processor time of the server itself", only(cpuSeconds)),
    gauge("lisod_open_fds", "Descriptors that are open", only(openDescriptors)),
    gauge("lisod_max_fds", "Descriptors that may be open", only(mostDescriptors)),
  ];
}

function requestFamilies({ places, sentBytes, underWay }: ServerStatus): readonly Family[] {
  const each = places.flatMap(({ site, place, answers }) =>
    answers.map((answer) => ({ labels: { site, place, class: answer.class }, answer }))
  );
  return [
    counter(
      "lisod_http_requests",
      "Requests that were answered, by place and class of status",
      each.map(({ labels, answer }) => ({ labels, value: countOf(answer) })),
    ),
    counter(
      "lisod_http_response_content_bytes",
      "Content of answers that have ended, by place and class of status",
      each.map(({ labels, answer }) => ({ labels, value: answer.bytes })),
    ),
    counter("lisod_http_sent_bytes", "Content of answers, counted as it leaves", only(sentBytes)),
    gauge("lisod_http_requests_in_progress", "Requests that are being answered", only(underWay)),
    histogram(
      "lisod_http_request_duration_seconds",
      "From a request's head to the end of its answer, by place and class of status",
      each.map(({ labels, answer }) => ({ labels, times: answer })),
    ),
  ];
}

function connectionFamilies(status: ServerStatus): readonly Family[] {
  const { connections, accepted, handshakes, failedHandshakes } = status;
  const states = connections.flatMap(({ protocol, isTls, open, idle }) => {
    const labels = { protocol, tls: isTls ? "yes" : "no" };
    return [
      { labels: { ...labels, state: "idle" }, value: idle },
      { labels: { ...labels, state: "busy" }, value: open - idle },
    ];
  });
  return [
    gauge("lisod_connections", "Connections that are open; idle: no request has begun", states),
    counter("lisod_connections_accepted", "Connections that were accepted", only(accepted)),
    histogram("lisod_tls_handshake_duration_seconds", "From accepting to the end of the handshake", [
      { labels: {}, times: handshakes },
    ]),
    counter("lisod_tls_handshake_failures", "Handshakes that came to nothing", only(failedHandshakes)),
  ];
}

function scriptFamilies({ scripts, warm }: ServerStatus): readonly Family[] {
  if (scripts === null) return [];
  const { running, waiting, coming, most, starts, runs } = scripts;
  const byState = Map.groupBy(warm, ({ state }) => state);
  const byFile = Map.groupBy(warm, ({ file }) => file);
  return [
    gauge("lisod_scripts_running", "Programs that run", only(running.length)),
    gauge("lisod_scripts_waiting", "Requests that wait for their turn (--cgi-queue)", only(waiting)),
    gauge("lisod_scripts_receiving", "Requests for programs whose content still comes", only(coming)),
    gauge("lisod_scripts_max", "Programs that may run at once (--cgi-max)", only(most)),
    histogram("lisod_script_start_duration_seconds", "From asking for a program to its first instruction", [
      { labels: {}, times: starts },
    ]),
    histogram("lisod_script_run_duration_seconds", "From a program's first instruction until it was done", [
      { labels: {}, times: runs },
    ]),
    gauge(
      "lisod_warm_scripts",
      "Programs of --cgi-warm by what has become of them",
      [...byState].map(([state, each]) => ({ labels: { state }, value: each.length })),
    ),
    counter(
      "lisod_warm_requests",
      "Requests for programs of --cgi-warm, by the way in which they were started",
      [...byFile].flatMap(([script, each]) => {
        const sum = (name: "warmRequests" | "plainRequests") => each.reduce((total, one) => total + one[name], 0);
        return [
          { labels: { script, way: "warm" }, value: sum("warmRequests") },
          { labels: { script, way: "plain" }, value: sum("plainRequests") },
        ];
      }),
    ),
  ];
}

function upstreamFamilies({ upstreams }: ServerStatus): readonly Family[] {
  const of = (value: (upstream: ServerStatus["upstreams"][number]) => number | null) =>
    upstreams.flatMap((upstream) => only(value(upstream), { upstream: upstream.text }));
  return [
    gauge("lisod_upstream_up", "1: requests are handed on to it", of(({ state }) => state === "up" ? 1 : 0)),
    gauge("lisod_upstream_connections", "Connections to it that are open", of(({ open }) => open)),
    gauge("lisod_upstream_requests_in_progress", "Requests that it works on", of(({ inUse }) => inUse)),
    counter("lisod_upstream_requests", "Requests that were handed on to it", of(({ requests }) => requests)),
    counter("lisod_upstream_failures", "Requests that it did not answer", of(({ failures }) => failures)),
  ];
}

function operatorFamilies({ certificates, limits, lostLines }: ServerStatus): readonly Family[] {
  const byName = Map.groupBy(certificates, ({ names: [name = ""] }) => name);
  return [
    gauge(
      "lisod_certificate_expiry_timestamp_seconds",
      "When the certificate with that first name ends, Unix time",
      [...byName].map(([name, each]) => ({
        labels: { name },
        value: Math.min(...each.map(({ notAfterMs }) => notAfterMs)) / 1000,
      })),
    ),
    counter(
      "lisod_limit_reached",
      "How often a limit was reached",
      limits.map(({ name, count }) => ({ labels: { limit: name }, value: count })),
    ),
    counter("lisod_log_lost_lines", "Lines of the log that could not be written", only(lostLines)),
  ];
}

/** None of what nobody knows. */
function only(value: number | null, labels: Labels = {}): readonly Sample[] {
  return value === null ? [] : [{ labels, value }];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { type: "gauge", name, help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { type: "counter", name, help, samples };
}

function histogram(
  name: string,
  help: string,
  histograms: readonly { readonly labels: Labels; readonly times: Times }[],
): Family {
  return { type: "histogram", name, help, histograms };
}
