/** ./lisod behind proxies that end TLS: what its programs are told of the client. Needs Debian's haproxy and nginx. */
import { join } from "@std/path";
import { assertEquals } from "@std/assert";
import { freePort, startFront } from "./front.ts";
import { curl, startServer } from "./harness.ts";
import { type Certificates, makeCertificates } from "./https.ts";

const SCRIPT = `#!/bin/sh
printf 'Content-Type: text/plain\\n\\n%s' "$REMOTE_ADDR \${HTTPS-plain} $SERVER_NAME $SERVER_PORT"
`;

interface Ports {
  readonly front: number;
  readonly back: number;
}

/** The program's configuration, and the command that reads it. */
interface Proxy {
  readonly name: string;
  readonly configuration: (folder: string, ports: Ports, certificates: Certificates) => string;
  readonly command: (file: string) => readonly string[];
}

function haproxy(
  name: string,
  { mode, fields, server }: Readonly<Record<"mode" | "fields" | "server", string>>,
): Proxy {
  return {
    name: `HAProxy with ${name}`,
    configuration: (folder, { front, back }) =>
      `defaults
  mode ${mode}
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen front
  bind 127.0.0.1:${front} ssl crt ${folder}/pair.pem
  ${fields}
  server back 127.0.0.1:${back} ${server}
`,
    command: (file) => ["haproxy", "-db", "-f", file],
  };
}

const PROTO = "http-request set-header X-Forwarded-Proto https";

const PROXIES: readonly Proxy[] = [
  haproxy("forwardfor", { mode: "http", fields: `option forwardfor\n  ${PROTO}`, server: "" }),
  haproxy("send-proxy", { mode: "http", fields: PROTO, server: "send-proxy" }),
  haproxy("send-proxy-v2", { mode: "http", fields: PROTO, server: "send-proxy-v2" }),
  haproxy("send-proxy-v2-ssl in TCP mode", { mode: "tcp", fields: "", server: "send-proxy-v2-ssl" }),
  {
    name: "nginx",
    configuration: (folder, { front, back }, { key, certificate }) =>
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 64; }
http {
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; access_log off;
  server {
    listen 127.0.0.1:${front} ssl;
    ssl_certificate ${certificate}; ssl_certificate_key ${key};
    location / {
      proxy_pass http://127.0.0.1:${back};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`,
    command: (file) => ["nginx", "-c", file, "-p", join(file, "..")],
  },
];

for (const { name, configuration, command } of PROXIES) {
  Deno.test(`programs behind ${name} are told of the client and of TLS, whatever the client itself writes`, async () => {
    const folder = await Deno.makeTempDir();
    const certificates = await makeCertificates(folder);
    const pair = [certificates.certificate, certificates.key].map((file) => Deno.readTextFileSync(file)).join("");
    Deno.writeTextFileSync(join(folder, "pair.pem"), pair, { mode: 0o600 });
    const script = join(folder, "script");
    Deno.writeTextFileSync(script, SCRIPT, { mode: 0o755 });
    await using server = await startServer({ args: ["--cgi", script, "--proxy", "127.0.0.1"] });
    const ports = { front: freePort(), back: server.port() };
    const file = join(folder, "configuration");
    Deno.writeTextFileSync(file, configuration(folder, ports, certificates));
    const front = await startFront(command(file), ports.front);
    try {
      const ask = async (...args: readonly string[]) => {
        const url = `https://localhost:${front.port}/cgi/x`;
        const { text, stderr } = await curl("--cacert", certificates.root, "--ipv4", ...args, url);
        return text || stderr;
      };
      const want = `127.0.0.7 on localhost ${front.port}`;
      assertEquals(await ask("--interface", "127.0.0.7"), want);
      assertEquals(await ask("--interface", "127.0.0.7", "--header", "X-Forwarded-For: 192.0.2.1"), want);
    } finally {
      await front.stop();
      await Deno.remove(folder, { recursive: true });
    }
  });
}
