/**
 * A real Apache as it serves packaged programs, for tests that compare: its modules are Debian's, its configuration is one of the
 * test and the snippet of a package.
 */
import { freePort, type Front, startFront } from "./front.ts";

const MODULES = [
  ...["mpm_prefork", "access_compat", "actions", "alias", "authz_core", "authz_host", "cgi", "dir", "env", "mime"],
  ...["rewrite", "setenvif"],
];

export interface ApacheOptions {
  /** Of the test's own; the log is there, and the site in its folder "www". */
  readonly folder: string;
  /** Lines, or `Include` of the snippet of a package. */
  readonly lines: readonly string[];
  /** A program, with its arguments, that becomes Apache. */
  readonly through?: readonly string[];
}

/** Serves on 127.0.0.1 with CGI programs at /cgi-bin/ and PHP by php-cgi, as Debian's own configuration does. */
export async function startApache({ folder, lines, through = [] }: ApacheOptions): Promise<Front> {
  const port = freePort();
  const config = [
    ...[
      "ServerRoot /usr/lib/apache2",
      "ServerName localhost",
      `PidFile ${folder}/apache.pid`,
      `Listen 127.0.0.1:${port}`,
    ],
    ...[
      `ErrorLog ${folder}/apache.log`,
      "StartServers 2",
      "User www-data",
      "Group www-data",
      "TypesConfig /etc/mime.types",
    ],
    ...MODULES.map((name) => `LoadModule ${name}_module modules/mod_${name}.so`),
    ...[`DocumentRoot ${folder}/www`, "DirectoryIndex index.html index.cgi index.php"],
    ...["<Directory />", "Options FollowSymLinks", "AllowOverride None", "Require all granted", "</Directory>"],
    ...["ScriptAlias /cgi-bin/ /usr/lib/cgi-bin/", "<Directory /usr/lib/cgi-bin>", "Options +ExecCGI", "</Directory>"],
    ...["ScriptAlias /php-handler /usr/bin/php-cgi", "Action application/x-httpd-php /php-handler"],
    "AddType application/x-httpd-php .php",
    ...lines,
  ];
  await Deno.writeTextFile(`${folder}/apache.conf`, config.map((line) => `${line}\n`).join(""));
  // At its end it signals all of its process group.
  return await startFront([
    "setsid",
    ...through,
    "/usr/sbin/apache2",
    "-D",
    "FOREGROUND",
    "-f",
    `${folder}/apache.conf`,
  ], port);
}
