/**
 * The page that shows the state of the server to whoever runs it: without scripts, and in the look of all pages. Separate from
 * the numbers. Names come from outside (hosts, files, addresses), and all text is escaped in one place. Pure. HTML 4.9, SVG 2.
 */
import { escapeHtml, HOME_LINK, PAGE_END, pageStart } from "../html_page.ts";
import { CLASSES, MOST_PLACES, type PlaceCount } from "./counters.ts";
import { curve } from "./curve.ts";
import { formatBytes, formatCount, formatRate, formatSeconds, formatShare } from "./figures.ts";
import { countOf, type Times } from "./histogram.ts";
import { REACHED } from "./limit_tally.ts";
import type { Rates } from "./rate_history.ts";
import { requestsOf, type ServerStatus } from "./server_status.ts";
import { STATUS_STYLE } from "./status_style.ts";
import { daysLeft } from "./status_json.ts";

/** Rows of a table; those beyond are counted below it. */
const MOST_ROWS = 50;

export function statusPage(status: ServerStatus): string {
  const { server: { version, runtime, pid, workers }, answeringWorkers, uptimeSeconds } = status;
  const missing = workers - answeringWorkers;
  const silent = missing === 0
    ? ""
    : `<p>${missing} of ${workers} workers did not answer: their numbers are missing.</p>\n`;
  const threads = workers === 1 ? "one thread" : `${workers} workers`;
  return `${
    pageStart({ title: "Status of lisod", style: STATUS_STYLE })
  }<nav>${HOME_LINK} <a href="json">JSON</a> <a href="metrics">Metrics</a></nav>
<main>
<h1>Status</h1>
<p class="lead">lisod ${text(version)} has run for <strong>${formatSeconds(uptimeSeconds)}</strong>,
as process ${pid} with ${threads}, on ${text(runtime)}.</p>
${silent}${tiles(status)}
${answersSection(status)}
${connectionsSection(status)}
${placesSection(status)}
${scriptsSection(status)}
${upstreamsSection(status)}
${certificatesSection(status)}
${limitsSection(status)}
${processSection(status)}
</main>
${PAGE_END}`;
}

const text = escapeHtml;

function tiles({ requestRates, byteRates }: ServerStatus): string {
  return `<div class="tiles">
${tile("Requests a second", requestRates, formatRate)}
${tile("Content a second", byteRates, formatBytes)}
</div>`;
}

/** The rates, and two curves of them. */
function tile(name: string, { means, minute, quarter }: Rates, format: (rate: number) => string): string {
  const [second = 0, aMinute = 0, aQuarter = 0] = means;
  const drawn = (points: readonly number[], span: string) => {
    const most = format(Math.max(0, ...points));
    return `<figure>${curve(points, `${name} over ${span}, at most ${most}`)}
<figcaption>${span}, at most ${most}</figcaption></figure>`;
  };
  return `<section class="tile"><h2>${name}</h2>
<dl class="rates"><div><dt>1 s</dt><dd>${format(second)}</dd></div><div><dt>60 s</dt><dd>${format(aMinute)}</dd></div>
<div><dt>900 s</dt><dd>${format(aQuarter)}</dd></div></dl>
${drawn(minute, "the last minute")}
${drawn(quarter, "the last quarter of an hour")}
</section>`;
}

function answersSection({ byClass, requests, sentBytes, underWay }: ServerStatus): string {
  const rows = CLASSES.filter((name) => name !== "1xx" || byClass[name] > 0).map((name) => {
    const share = requests === 0 ? 0 : 100 * byClass[name] / requests;
    return `<div><dt>${name}</dt><dd><span class="bar"><span style="width:${share.toFixed(2)}%"></span></span>
<span class="number">${formatCount(byClass[name])}</span> <span class="share">${
      formatShare(byClass[name], requests)
    }</span></dd></div>`;
  });
  return section(
    "Answers",
    `<p>${formatCount(requests)} requests were answered with ${formatBytes(sentBytes)} of content, ${
      formatCount(underWay)
    } under way.</p>
<dl class="bars">${rows.join("\n")}</dl>`,
  );
}

function connectionsSection({ connections, accepted, handshakes, failedHandshakes }: ServerStatus): string {
  const open = connections.reduce((sum, each) => sum + each.open, 0);
  const idle = connections.reduce((sum, each) => sum + each.idle, 0);
  const shaken = countOf(handshakes) === 0 && failedHandshakes === 0 ? "" : `
<p>${formatCount(countOf(handshakes))} handshakes of TLS took ${mean(handshakes)} on average; ${
    formatCount(failedHandshakes)
  } came to nothing.</p>`;
  const rows = connections.map(({ protocol, isTls, open, idle }) => [
    `${protocol === "none" ? "nothing yet" : protocol.toUpperCase()}${isTls ? " over TLS" : ""}`,
    formatCount(open),
    formatCount(idle),
  ]);
  return section(
    "Connections",
    `<p>${formatCount(open)} open, ${formatCount(idle)} of them idle; ${
      formatCount(accepted)
    } accepted so far.</p>${shaken}
${table(["Speaks", "Open", "Idle"], rows)}`,
  );
}

function placesSection({ places, otherPlaces }: ServerStatus): string {
  const rows = places.map((place) => [
    nameOf(place),
    formatCount(requestsOf(place)),
    mean(sumOf(place)),
    formatSeconds(sumOf(place).sumMs / 1000),
    formatBytes(place.answers.reduce((sum, { bytes }) => sum + bytes, 0)),
    formatCount(place.answers.reduce((sum, each) => sum + (each.class >= "4xx" ? countOf(each) : 0), 0)),
  ]);
  const together = otherPlaces === 0
    ? ""
    : `<p>${formatCount(MOST_PLACES)} places have numbers of their own. Counted together as ${OTHERS}: ${
      formatCount(otherPlaces)
    }.</p>\n`;
  return section("Places", together + table(["Place", "Requests", "Mean", "Time in all", "Content", "4xx, 5xx"], rows));
}

const OTHERS = "all other places";

function nameOf({ site, place }: PlaceCount): string {
  if (site === "none") return "no place";
  if (site === "others") return OTHERS;
  return site === "*" ? place : `${site} ${place}`;
}

function sumOf({ answers }: PlaceCount): Times {
  return {
    buckets: [answers.reduce((sum, answer) => sum + countOf(answer), 0)],
    sumMs: answers.reduce((sum, { sumMs }) => sum + sumMs, 0),
  };
}

function mean(times: Times): string {
  const count = countOf(times);
  return count === 0 ? "-" : formatSeconds(times.sumMs / 1000 / count);
}

function scriptsSection({ scripts, warm }: ServerStatus): string {
  if (scripts === null) return "";
  const { running, waiting, coming, most, starts, runs } = scripts;
  const rows = running.toSorted((one, other) => other.ageSeconds - one.ageSeconds).map((script) => [
    script.file,
    String(script.pid),
    formatSeconds(script.ageSeconds),
    script.cpuSeconds === null ? "-" : formatSeconds(script.cpuSeconds),
    script.client === "" ? "a Unix socket" : script.client,
  ]);
  const times = countOf(starts) === 0
    ? ""
    : `; ${formatCount(countOf(starts))} started so far, in ${mean(starts)} on average, to run for ${mean(runs)}`;
  const warmRows = warm.map(({ file, state, reason, pid, modules, warmRequests, plainRequests }) => [
    reason === null ? file : `${file}: ${reason}`,
    state,
    pid === null ? "-" : String(pid),
    formatCount(modules),
    formatCount(warmRequests),
    formatCount(plainRequests),
  ]);
  return section(
    "Programs",
    `<p>${formatCount(running.length)} of at most ${formatCount(most)} run, ${
      formatCount(waiting)
    } requests wait for their turn, and
of ${formatCount(coming)} the content still comes${times}.</p>
${rows.length === 0 ? "" : table(["Program", "Process", "Age", "CPU", "Client"], rows)}${
      warmRows.length === 0
        ? ""
        : `<h3>Kept warm</h3>\n${table(["Program", "State", "Zygote", "Modules", "Warm", "Plain"], warmRows)}`
    }`,
  );
}

function upstreamsSection({ upstreams }: ServerStatus): string {
  if (upstreams.length === 0) return "";
  const rows = upstreams.map(({ text, state, open, inUse, requests, failures }) => [
    text,
    state,
    open === null ? "-" : formatCount(open),
    formatCount(inUse),
    formatCount(requests),
    formatCount(failures),
  ]);
  return section("Upstreams", table(["Upstream", "State", "Open", "In use", "Requests", "Failures"], rows));
}

function certificatesSection({ certificates, server: { nowMs } }: ServerStatus): string {
  if (certificates.length === 0) return "";
  const rows = certificates.map(({ names, notAfterMs }) => {
    const days = daysLeft(notAfterMs, nowMs);
    const left = days < 0 ? "has ended" : days === 1 ? "1 day" : `${formatCount(days)} days`;
    return [names.length === 0 ? "no name" : names.join(", "), new Date(notAfterMs).toISOString().slice(0, 10), left];
  });
  return section("Certificates", table(["Names", "Until", "Left"], rows));
}

function limitsSection({ limits, lostLines, server: { nowMs } }: ServerStatus): string {
  const lost = lostLines === 0
    ? "No line of the log was lost."
    : `${formatCount(lostLines)} lines of the log were lost.`;
  if (limits.length === 0) return section("Limits", `<p>No limit was reached. ${lost}</p>`);
  const rows = limits.map(({ name, count, lastMs }) => [
    `${REACHED[name].meaning}: ${REACHED[name].options}`,
    formatCount(count),
    `${formatSeconds(Math.max(0, nowMs - lastMs) / 1000)} ago`,
  ]);
  return section("Limits", `<p>${lost}</p>\n${table(["Reached", "Times", "Last"], rows)}`);
}

function processSection({ server, heapBytes, waitingBytes }: ServerStatus): string {
  const { residentBytes, cpuSeconds, openDescriptors, mostDescriptors } = server;
  const descriptors = openDescriptors === null ? "-" : formatCount(openDescriptors);
  const most = mostDescriptors === null ? "" : ` of ${formatCount(mostDescriptors)}`;
  const facts: readonly (readonly [string, string])[] = [
    ["Resident memory", formatBytes(residentBytes)],
    ["Heaps", formatBytes(heapBytes)],
    ["Waits for clients", formatBytes(waitingBytes)],
    ["Descriptors", descriptors + most],
    ["CPU so far", cpuSeconds === null ? "-" : formatSeconds(cpuSeconds)],
  ];
  return section(
    "Process",
    `<dl class="facts">${
      facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${text(value)}</dd></div>`).join("\n")
    }</dl>`,
  );
}

function section(title: string, content: string): string {
  return `<section><h2>${title}</h2>
${content}</section>`;
}

/** The first column is text, the others are short. On a phone each row is a block, in which each value has its column's name. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const cell = (value: string, at: number) => {
    return at === 0 ? `<th scope="row">${text(value)}</th>` : `<td data-name="${text(head[at])}">${text(value)}</td>`;
  };
  const more = rows.length > MOST_ROWS ? `<p>And ${formatCount(rows.length - MOST_ROWS)} more.</p>\n` : "";
  return `<table>
<thead><tr>${head.map((name) => `<th scope="col">${text(name)}</th>`).join("")}</tr></thead>
<tbody>
${rows.slice(0, MOST_ROWS).map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n")}
</tbody>
</table>
${more}`;
}
