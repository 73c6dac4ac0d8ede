/**
 * Request smuggling: requests whose framing may be read in two ways, sent through a real HAProxy and a real nginx to
 * lisod, and through lisod to a real nginx, Apache and gunicorn and to a strict reader. What is seen behind is what the front's
 * log has as a request, each as often: no more, and no answer goes to somebody else.
 */
import { join } from "@std/path";
import { startApache } from "./apache.ts";
import { freePort, type Front, startFront } from "./front.ts";
import { startServer } from "./harness.ts";
import { startStrictUpstream } from "./strict_upstream.ts";
import { attacks, attackThrough, checkSeen, SEEING_SCRIPT } from "./smuggling.ts";

function haproxyConfig(front: number, back: number): string {
  return `global
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  http-reuse always
  timeout connect 5s
  timeout client 300ms
  timeout server 5s
listen front
  bind 127.0.0.1:${front}
  server back 127.0.0.1:${back}
`;
}

function nginxConfig(folder: string, front: number, back: number, buffering: "on" | "off"): string {
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 256; }
http {
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  log_format lines '"$request"'; access_log /dev/stdout lines;
  upstream back { server 127.0.0.1:${back}; keepalive 8; }
  server {
    listen 127.0.0.1:${front};
    keepalive_timeout 300ms; client_header_timeout 300ms; client_body_timeout 300ms;
    location / { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_next_upstream off;
      proxy_request_buffering ${buffering}; proxy_read_timeout 5s; }
  }
}
`;
}

async function withFront(
  name: string,
  start: (folder: string, back: number) => Promise<Front>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: `lisod-${name}-` });
  try {
    const script = join(folder, "script");
    await Deno.writeTextFile(script, SEEING_SCRIPT, { mode: 0o755 });
    await using server = await startServer({ args: ["--cgi", script, "--max-per-address", "1000"] });
    const front = await start(folder, server.port());
    try {
      await attackThrough(front);
      for (const { inner } of attacks()) await front.hasLogged(`?honest${inner}`);
    } finally {
      await front.stop();
    }
    // Waits for the scripts that run.
    await server.stop();
    const seen = (await Deno.readTextFile(join(folder, "seen"))).trimEnd().split("\n");
    checkSeen(seen, front.log());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("lisod behind HAProxy answers what HAProxy has sent, and nothing that hid in it", () =>
  withFront("haproxy", async (folder, back) => {
    const port = freePort();
    await Deno.writeTextFile(join(folder, "config"), haproxyConfig(port, back));
    return await startFront(["haproxy", "-db", "-f", join(folder, "config")], port);
  }));

for (const buffering of ["on", "off"] as const) {
  Deno.test(`lisod behind nginx (request buffering ${buffering}) answers what nginx has sent, and nothing that hid in it`, () =>
    withFront("nginx", async (folder, back) => {
      const port = freePort();
      await Deno.writeTextFile(join(folder, "config"), nginxConfig(folder, port, back, buffering));
      return await startFront(["nginx", "-c", join(folder, "config"), "-p", folder], port);
    }));
}

/** An application behind lisod: the queries that it has seen. */
interface Back {
  readonly port: number;
  readonly seen: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
}

const SHORT_WAITS = ["--keep-alive-ms", "300", "--head-ms", "300", "--body-idle-ms", "300", "--linger-ms", "300"];

/** Each attack through lisod, which passes on what it understands. */
async function throughLisod(start: (folder: string) => Promise<Back>): Promise<void> {
  // Programs with rights of their own write there.
  const folder = await Deno.makeTempDir({ prefix: "lisod-middle-" });
  await Deno.chmod(folder, 0o777);
  try {
    const back = await start(folder);
    try {
      const forward = `/cgi/=http://127.0.0.1:${back.port}/cgi/`;
      await using server = await startServer({
        args: ["--forward", forward, "--max-per-address", "1000", ...SHORT_WAITS],
      });
      await attackThrough({ port: server.port() });
      await server.stop();
      checkSeen(await back.seen(), server.logText());
    } finally {
      await back.stop();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function linesOf(path: string): Promise<readonly string[]> {
  return (await Deno.readTextFile(path)).trimEnd().split("\n");
}

Deno.test("nginx behind lisod sees what lisod has passed on, and nothing that hid in it", () =>
  throughLisod(async (folder) => {
    const port = freePort();
    await Deno.writeTextFile(join(folder, "config"), nginxBackConfig(folder, port));
    const front = await startFront(["nginx", "-c", join(folder, "config"), "-p", folder], port);
    return { ...front, seen: () => Promise.resolve(front.log().trimEnd().split("\n")) };
  }));

function nginxBackConfig(folder: string, port: number): string {
  return `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 256; }
http {
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  log_format query '$args'; access_log /dev/stdout query;
  server { listen 127.0.0.1:${port}; default_type text/plain; location / { return 200 $args; } }
}
`;
}

Deno.test("Apache behind lisod sees what lisod has passed on, and nothing that hid in it", () =>
  throughLisod(async (folder) => {
    await Deno.mkdir(join(folder, "www"));
    await Deno.mkdir(join(folder, "cgi"), { mode: 0o777 });
    await Deno.chmod(join(folder, "cgi"), 0o777);
    await Deno.writeTextFile(join(folder, "cgi/x"), SEEING_SCRIPT, { mode: 0o755 });
    const front = await startApache({
      folder,
      lines: [`ScriptAlias /cgi/ ${folder}/cgi/`, `<Directory ${folder}/cgi>`, "Options +ExecCGI", "</Directory>"],
    });
    return { ...front, seen: () => linesOf(join(folder, "cgi/seen")) };
  }));

Deno.test("gunicorn behind lisod sees what lisod has passed on, and nothing that hid in it", () =>
  throughLisod(async (folder) => {
    const port = freePort();
    await Deno.writeTextFile(join(folder, "application.py"), GUNICORN_APPLICATION);
    const bind = ["--bind", `127.0.0.1:${port}`, "--worker-tmp-dir", folder, "--keep-alive", "5"];
    const command = ["env", "-C", folder, "gunicorn", ...bind, "--worker-class", "gthread", "application:application"];
    return { ...await startFront(command, port), seen: () => linesOf(join(folder, "seen")) };
  }));

const GUNICORN_APPLICATION = `def application(environ, start_response):
    environ["wsgi.input"].read()
    query = environ["QUERY_STRING"]
    with open("seen", "a") as seen:
        seen.write(query + "\\n")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(query)))])
    return [query.encode()]
`;

Deno.test("a strict reader behind lisod sees one framing in all that lisod has passed on, and nothing that hid in it", () =>
  throughLisod(() => Promise.resolve(startStrictUpstream())));
