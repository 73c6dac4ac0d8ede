/**
 * Programs that are kept warm, end to end: what becomes of them when something happens to their zygotes, what they must not
 * share, and when they run plainly. That they answer the same is for warm_equality_test.ts.
 */
import { assert, assertEquals, assertMatch, assertNotEquals, assertNotMatch } from "@std/assert";
import { join } from "@std/path";
import { groupMembers, isProcess, until } from "./cgi/running_scripts.ts";
import { zygotesOf } from "./cgi/server.ts";
import { run, type StartOptions, startServer, type TestServer, writeFiles } from "./harness.ts";
import { PrintedText } from "./printed_text.ts";

const PYTHON = '#!/usr/bin/python3\nprint("Content-Type: text/plain\\n", flush=True)\n';
const PERL = '#!/usr/bin/perl\n$| = 1; print "Content-Type: text/plain\\n\\n";\n';

/** What is to be found in the log is there at once, and nothing else. */
const QUIET = ["--log-flush-ms", "1ms", "--access-log", "off"];

interface Warm extends AsyncDisposable {
  readonly server: TestServer;
  readonly folder: string;
}

/** A server that keeps these scripts warm. */
async function startWarm(
  scripts: Readonly<Record<string, string>>,
  { args = [], ...options }: StartOptions = {},
): Promise<Warm> {
  const folder = await Deno.makeTempDir({ prefix: "lisod-warm-" });
  await Deno.chmod(folder, 0o755);
  await writeFiles(folder, scripts);
  for (const name of Object.keys(scripts)) await Deno.chmod(join(folder, name), 0o755);
  const all = ["--cgi", folder, "--cgi-warm", "on", "--cgi-env", "PATH=/usr/bin:/bin", ...QUIET, ...args];
  const server = await startServer({ ...options, args: all });
  return {
    server,
    folder,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

interface Library extends AsyncDisposable {
  readonly folder: string;
}

/** A folder of modules outside of the script's, and known for one of libraries by its name. Disposing removes it. */
async function makeLibrary(files: Record<string, string>): Promise<Library> {
  const parent = await Deno.makeTempDir({ prefix: "lisod-warm-library-" });
  const folder = join(parent, "site-packages");
  await writeFiles(folder, files);
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(parent, { recursive: true }) };
}

async function ask(server: TestServer, target: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`${server.url}/cgi/${target}`, init);
  const text = await response.text();
  return response.status === 200 ? text : `${response.status}`;
}

/** Ids of the zygotes that the log says a script has had. */
function zygotesIn(log: string, name: string): number[] {
  return [...log.matchAll(new RegExp(`/${name}": zygote (\\d+) has imported`, "g"))].map(([, pid]) => Number(pid));
}

/** Asks for the script until a zygote answers, one that was made after `count` others; its process id. */
async function warmUp({ server }: Warm, name: string, count = 0): Promise<number> {
  await until(async () => {
    await ask(server, name);
    return zygotesIn(server.logText(), name).length > count;
  }, `${name} is warm`);
  return zygotesIn(server.logText(), name)[count];
}

for (
  const [language, source] of [["Python", `${PYTHON}import os\nprint(os.getppid())`], ["Perl", `${PERL}print getppid;`]]
) {
  Deno.test(`a ${language} program is a child of its zygote, which ends with the server, whatever ends that`, async () => {
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await using warm = await startWarm({ script: source });
      const zygote = await warmUp(warm, "script");
      assertEquals(Number(await ask(warm.server, "script")), zygote);
      assertEquals(zygotesOf(warm.server.pid), [zygote]);
      await warm.server.stop(signal);
      await until(() => !isProcess(zygote), `the zygote ends after ${signal}`);
    }
  });

  Deno.test(`a ${language} program is answered when its zygote is killed, stopped, or replaced`, async () => {
    const args = ["--warm-hang-ms", "200ms"];
    await using warm = await startWarm({ script: source }, { args });
    const { server } = warm;
    const first = await warmUp(warm, "script");
    Deno.kill(first, "SIGKILL");
    assertNotEquals(Number(await ask(server, "script")), first);
    const second = await warmUp(warm, "script", 1);
    Deno.kill(second, "SIGSTOP");
    assertEquals(Number(await ask(server, "script")), server.pid);
    assertMatch(server.logText(), /WARN warm: Zygote \d+ of ".*script" has not answered for 200 ms: SIGKILL/);
    await until(() => !isProcess(second), "the one that hangs is gone");
    const third = await warmUp(warm, "script", 2);
    assertEquals(Number(await ask(server, "script")), third);
    // Another file of that name.
    await Deno.writeTextFile(join(warm.folder, "new"), `${source}\n# changed`, { mode: 0o755 });
    await Deno.rename(join(warm.folder, "new"), join(warm.folder, "script"));
    assertEquals(Number(await ask(server, "script")), server.pid);
    await until(() => !isProcess(third), "the one of the old script is gone");
  });
}

Deno.test("a zygote that is given up while it starts says nothing", async () => {
  const scripts = { python: `${PYTHON}print("done")`, perl: `${PERL}use POSIX; print 'done';` };
  await using warm = await startWarm(scripts);
  for (let round = 0; round < 20; round++) {
    for (const [name, source] of Object.entries(scripts)) {
      await Deno.writeTextFile(join(warm.folder, name), `${source}\n${"#".repeat(round)}`);
      assertEquals((await ask(warm.server, name)).trim(), "done");
    }
  }
  await warm.server.stop("SIGTERM");
  assertEquals(warm.server.logText().match(/ WARN (?!main: ).*/), null);
});

Deno.test("zygotes that are killed at random under load cost no request", async () => {
  const seconds = Number(Deno.env.get("LISOD_WARM_SECONDS") ?? 4);
  const scripts = {
    python: `${PYTHON}import json, html\nprint(json.dumps("done"))`,
    perl: `${PERL}use POSIX; print 'done';`,
  };
  await using warm = await startWarm(scripts, { args: ["--warm-hang-ms", "500ms"] });
  const { server } = warm;
  for (const name of Object.keys(scripts)) await warmUp(warm, name, 1);
  const end = Date.now() + seconds * 1000;
  const kill = async () => {
    let count = 0;
    while (Date.now() < end) {
      const zygotes = zygotesOf(server.pid);
      const [pid] = zygotes.slice(Math.floor(Math.random() * zygotes.length));
      try {
        if (pid !== undefined) Deno.kill(pid, count++ % 5 === 4 ? "SIGSTOP" : "SIGKILL");
      } catch {
        // It has ended since.
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 50));
    }
    return count;
  };
  const load = async (name: string) => {
    let count = 0;
    for (; Date.now() < end; count++) assertEquals((await ask(server, name)).replaceAll(/["\n]/g, ""), "done");
    return count;
  };
  const [kills, ...counts] = await Promise.all([kill(), ...["python", "perl", "python", "perl"].map(load)]);
  assert(kills > seconds / 4, `${kills} were killed`);
  assert(counts.every((count) => count > seconds * 3), `${counts} requests`);
});

Deno.test("what one request had in its environment and content is in no other's memory", async () => {
  const search = `${PYTHON}import os, sys
sys.stdin.read()
needle = "".join(reversed("rekram-terces"))
if os.environ["QUERY_STRING"] == "look":
    found = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "r" in rights and "[v" not in line:
                start, end = (int(n, 16) for n in span.split("-"))
                memory.seek(start)
                found += memory.read(end - start).count(needle.encode())
    print(found)
`;
  const perl = `${PERL}local $/; my $content = <STDIN>; my $needle = reverse 'rekram-terces'; my $found = 0;
if ($ENV{QUERY_STRING} eq 'look') {
    open my $maps, '<', '/proc/self/maps'; open my $memory, '<:raw', '/proc/self/mem';
    for (split /\\n/, <$maps>) {
        next if !/^([0-9a-f]+)-([0-9a-f]+) r/ || /\\[v/;
        my ($start, $end) = map { hex } $1, $2;
        sysseek $memory, $start, 0; sysread $memory, my $bytes, $end - $start;
        my $at = 0; while (($at = index $bytes, $needle, $at) >= 0) { $found++; $at++ }
    }
    print $found;
}`;
  await using warm = await startWarm({ python: search, perl });
  const { server } = warm;
  const secret = ["secret", "marker"].join("-");
  for (const [name, own] of [["python", 2], ["perl", 2]] as const) {
    await warmUp(warm, name);
    for (let round = 0; round < 8; round++) {
      const headers = { cookie: `a=${secret}`, "x-a": secret.repeat(50), authorization: `Basic ${secret}` };
      await ask(server, `${name}?${secret}+${secret}`, { method: "POST", headers, body: secret.repeat(100) });
      // What it looks for is in its own memory, and in what it has read of it.
      const found = Number(await ask(server, `${name}?look`));
      assert(found <= own + 2, `${name} has found ${found}`);
    }
  }
});

Deno.test("random numbers, ids, keys and names of temporary files differ from one process to the next", async () => {
  const python = `${PYTHON}import multiprocessing, os, random, secrets, ssl, tempfile, uuid
print(random.random(), random.Random().random(), secrets.token_hex(), uuid.uuid4(), uuid.uuid1(), ssl.RAND_bytes(8).hex(), os.urandom(4).hex())
print(bytes(multiprocessing.current_process().authkey).hex(), tempfile.mktemp(), next(tempfile._get_candidate_names()))
print(own.random())`.replace("print(own", "import aiohttp_like\nprint(aiohttp_like.OWN");
  const perl = `${PERL}use File::Temp; print join ' ', rand, File::Temp->new, int rand 1e9;`;
  await using warm = await startWarm({ python, perl }, { args: ["--cgi-env", "PYTHONPATH=/tmp/none"] });
  const { folder, server } = warm;
  // Like some libraries: a generator that is made when the module is imported.
  const library = join(folder, "lib/site-packages");
  await writeFiles(library, { "aiohttp_like.py": "import random\nOWN = random.Random()\n" });
  const source = python.replace("import multi", `import sys; sys.path.append("${library}")\nimport multi`);
  await Deno.writeTextFile(join(folder, "python"), source);
  for (const name of ["python", "perl"]) {
    await warmUp(warm, name, 1);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(server, name)));
    const words = answers.map((answer) => answer.trim().split(/\s+/));
    for (const [index, word] of words[0].entries()) {
      const others = new Set(words.map((each) => each[index]));
      assertEquals(others.size, 8, `${name}: ${word} and others`);
    }
  }
});

Deno.test("content and output of 100 MB pass through a warm program", async () => {
  const source = `${PYTHON}import hashlib, sys
digest, size = hashlib.sha256(), 0
for part in iter(lambda: sys.stdin.buffer.read(65536), b""):
    digest.update(part)
    size += len(part)
print(size, digest.hexdigest())
for number in range(1600):
    sys.stdout.write(("%d" % number).rjust(65536, "."))`;
  await using warm = await startWarm({ script: source });
  await warmUp(warm, "script", 1);
  const body = new Uint8Array(100 << 20).fill(7);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", body)).toHex();
  const text = await ask(warm.server, "script", { method: "POST", body });
  const [first] = text.split("\n", 1);
  assertEquals(first, `${body.length} ${hash}`);
  assertEquals(text.length - first.length - 1, 1600 * 65536);
  assert(text.endsWith("....1599"));
});

Deno.test("a script, a module beside it and a library that are edited are new to the next request, or within two seconds", async () => {
  const source = (word: string) =>
    `${PYTHON}import sys\nsys.path.append("FOLDER/site-packages")\nimport beside, library, html\nprint("${word}", beside.WORD, library.WORD)`;
  await using warm = await startWarm({ script: PYTHON, "beside.py": "WORD = 'beside 1'\n" });
  const { folder, server } = warm;
  const write = (name: string, text: string) => writeFiles(folder, { [name]: text.replaceAll("FOLDER", folder) });
  await write("site-packages/library.py", "WORD = 'library 1'\n");
  await write("script", source("script 1"));
  await warmUp(warm, "script", 1);
  assertEquals(await ask(server, "script"), "script 1 beside 1 library 1\n");
  await write("beside.py", "WORD = 'beside two'\n");
  assertEquals(await ask(server, "script"), "script 1 beside two library 1\n");
  await write("script", source("script two"));
  assertEquals(await ask(server, "script"), "script two beside two library 1\n");
  await warmUp(warm, "script", 3);
  await write("site-packages/library.py", "WORD = 'library two'\n");
  const wrong = ["script two beside two library 1\n"];
  const end = Date.now() + 3000;
  await until(async () => {
    const text = await ask(server, "script");
    assert(Date.now() < end || !wrong.includes(text), "what was in a library is answered for too long");
    return text === "script two beside two library two\n";
  }, "the library is new");
  assertMatch(server.logText(), /INFO warm: ".*script" is imported anew: ".*library\.py" has changed/);
  // What shadows a module from now on.
  await write("html.py", "");
  await write("script", source("script 3").replace("html\n", "html\nprint(html.__file__)\n"));
  await warmUp(warm, "script", zygotesIn(server.logText(), "script").length + 1);
  assertMatch(await ask(server, "script"), /^FOLDER|html\.py/);
});

Deno.test("a module that a package gets, and a file of paths that is written over, are seen within two seconds", async () => {
  await using library = await makeLibrary({ "1/placed.py": "RELEASE = 'one'\n", "2/placed.py": "RELEASE = 'two'\n" });
  const environment = join(library.folder, "venv");
  await run("/usr/bin/python3", ["-m", "venv", "--without-pip", environment]);
  const [version] = Deno.readDirSync(join(environment, "lib"));
  const packages = join(environment, "lib", version.name, "site-packages");
  await writeFiles(packages, {
    "growing/__init__.py": "try:\n    from growing import quick\nexcept ImportError:\n    quick = None\n",
    "releases.pth": `${library.folder}/1\n`,
  });
  const source = `#!${environment}/bin/python3
print("Content-Type: text/plain\\n")
import growing, placed
print(growing.quick is None, placed.RELEASE)`;
  await using warm = await startWarm({ script: source });
  const { server } = warm;
  const change = async (path: string, text: string, want: string) => {
    await warmUp(warm, "script", zygotesIn(server.logText(), "script").length + 1);
    await writeFiles(packages, { [path]: text });
    await until(async () => await ask(server, "script") === want, `${path} is seen`);
  };
  assertEquals(await ask(server, "script"), "True one\n");
  await change("growing/quick.py", "", "False one\n");
  await change("releases.pth", `${library.folder}/2\n`, "False two\n");
});

Deno.test("a release that shares its script with the one before, by a hard link, is served as soon as a link leads to it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lisod-warm-" });
  const link = join(folder, "current");
  const turnTo = async (release: string) => {
    await Deno.symlink(join(folder, release), `${link}.new`);
    await Deno.rename(`${link}.new`, link);
  };
  try {
    await writeFiles(folder, {
      "1/app.py": `${PYTHON}import html, beside\nprint(beside.RELEASE)`,
      "1/beside.py": "RELEASE = 'one'\n",
      "2/beside.py": "RELEASE = 'two'\n",
    });
    await Deno.chmod(join(folder, "1/app.py"), 0o755);
    await Deno.link(join(folder, "1/app.py"), join(folder, "2/app.py"));
    await turnTo("1");
    const args = ["--cgi", link, "--links", "all", "--cgi-warm", "on", ...QUIET];
    await using server = await startServer({ args });
    await warmUp({ server, folder, [Symbol.asyncDispose]: () => Promise.resolve() }, "app.py", 1);
    assertEquals(await ask(server, "app.py"), "one\n");
    await turnTo("2");
    assertEquals(await ask(server, "app.py"), "two\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what a module does when it is imported, that cannot be shared, each request does by itself", async () => {
  const modules: Readonly<Record<string, readonly [text: string, reason: string]>> = {
    threaded: [
      "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n",
      "starts 1 threads",
    ],
    opened: ["FILE = open('/dev/zero')\n", "opens or closes descriptors"],
    forked: ["import subprocess\nCHILD = subprocess.Popen(['/bin/sleep', '0.2'])\n", "leaves a process"],
    written: ["print('imported')\n", "writes to standard output"],
    warned: ["import sys\nprint('imported', file=sys.stderr)\n", "writes to standard output or error"],
    drawn: ["import random\nSALT = random.random()\n", "draws random numbers"],
    salted: ["import os\nSALT = os.urandom(3)\n", "draws random numbers"],
    keyed: ["import secrets\nKEY = secrets.token_hex(3)\n", "draws random numbers"],
    system: ["import random\nKEY = random.SystemRandom().random()\n", "draws random numbers"],
    encrypted: ["import ssl\nKEY = ssl.RAND_bytes(3)\n", "draws random numbers"],
    pathed: ["import sys\nsys.path.append('/nowhere')\n", "changes sys.path"],
    argued: ["import sys\nsys.argv.append('more')\n", "changes sys.argv"],
    ignoring: ["import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n", "changes what becomes of signals"],
    numbered: ["import os\nNAME = 'upload.%d' % os.getpid()\n", "asks for its process id"],
    diverted: [
      "import os\nNULL = os.open('/dev/null', os.O_WRONLY)\nos.dup2(NULL, 2)\nos.close(NULL)\n",
      "opens or closes descriptors",
    ],
    folded: ["import beside\n", "of the script's folder"],
  };
  const scripts = Object.keys(modules).map((name) => [
    name,
    `${PYTHON}import sys\nsys.path.append("FOLDER/site-packages")\nimport html, ${name}\nprint("done", threading.active_count() if "threading" in globals() else "")`,
  ]);
  await using warm = await startWarm({ ...Object.fromEntries(scripts), "beside.py": "" }, {
    args: ["--max-warm-count", "20"],
  });
  const { folder, server } = warm;
  for (const [name, [text]] of Object.entries(modules)) {
    await writeFiles(folder, { [`site-packages/${name}.py`]: text });
  }
  for (const [name, source] of scripts) {
    await Deno.writeTextFile(join(folder, name), source.replaceAll("FOLDER", folder));
  }
  for (const [name, [, reason]] of Object.entries(modules)) {
    const plain = await ask(server, name);
    assertMatch(plain, /done/);
    await until(async () => {
      assertEquals(await ask(server, name), plain);
      return server.logText().includes(`/${name}": "${name}" is imported for each request`);
    }, `${name} is left out`);
    // The zygote that leaves it out may be there already.
    const [before, after, ...others] = server.logText().split(`"${name}" is imported for each request`);
    assertEquals(others, []);
    assert(after.split("\n")[0].includes(reason), after);
    await warmUp(warm, name, zygotesIn(before, name).length);
    assertEquals(await ask(server, name), plain);
  }
});

Deno.test("what a Perl module does when it is loaded, that cannot be shared, each request does by itself", async () => {
  const modules: Readonly<Record<string, readonly [text: string, reason: string]>> = {
    Drawn: ["our $KEY = rand;", "draws random numbers"],
    Seeded: ["srand 7;", "draws random numbers"],
    Numbered: ['our $NAME = "upload.$$";', "asks for its process id"],
    Ignoring: ["$SIG{CHLD} = 'IGNORE';", "changes what becomes of signals, warnings or errors"],
    Warning: ["$SIG{__WARN__} = sub { print 'warned' };", "changes what becomes of signals, warnings or errors"],
    Dying: ["$SIG{__DIE__} = sub { print 'died' };", "changes what becomes of signals, warnings or errors"],
    Moved: ["chdir '/';", "changes the working folder or @ARGV"],
    Argued: ["push @ARGV, 'more';", "changes the working folder or @ARGV"],
    Pathed: ["push @INC, '/nowhere';", "changes @INC"],
    Diverted: ["open STDERR, '>', '/dev/null';", "opens or closes descriptors"],
    Failing: ["our @RUNS; push @RUNS, 1; die 'No host' if !$ENV{HTTP_HOST};", "cannot be loaded beforehand"],
  };
  const files = Object.entries(modules).map(([name, [text]]) => [`${name}.pm`, `package ${name};\n${text}\n1;\n`]);
  await using library = await makeLibrary({ ...Object.fromEntries(files), "Calm.pm": "package Calm; 1;\n" });
  const state = `
my ($folder, $mask) = (readlink '/proc/self/cwd', umask);
print "$folder @ARGV @INC ", $SIG{CHLD} // 'no CHLD', ' ', ref $SIG{__WARN__}, ' ', ref $SIG{__DIE__}, ' ', readlink('/proc/self/fd/2') =~ /^(.....)/;
`;
  const scripts = Object.keys(modules).map((name) => {
    const own: Readonly<Record<string, string>> = {
      Numbered: "print ' ', $Numbered::NAME eq qq(upload.$$) ? 'own' : 'of another';",
      Failing: "print ' ', scalar @Failing::RUNS;",
    };
    return [
      name,
      `${PERL}use lib '${library.folder}'; use Calm; use ${name}; ${state}${own[name] ?? ""}`,
    ];
  });
  await using warm = await startWarm(Object.fromEntries(scripts), { args: ["--max-warm-count", "20"] });
  const { server } = warm;
  for (const [name, [, reason]] of Object.entries(modules)) {
    const plain = await ask(server, name);
    await until(async () => {
      assertEquals(await ask(server, name), plain);
      return server.logText().includes(`/${name}": "${name}.pm" is imported for each request: it ${reason}`);
    }, `${name} is left out`);
    const [before] = server.logText().split(`"${name}.pm" is imported for each request`);
    await warmUp(warm, name, zygotesIn(before, name).length);
    // Calm.pm is there beforehand.
    await until(async () => {
      assertEquals(await ask(server, name), plain);
      return zygotesIn(server.logText(), name).length > zygotesIn(before, name).length;
    }, `${name}'s other module is imported`);
    for (let turn = 0; turn < 10; turn++) assertEquals(await ask(server, name), plain);
  }
});

Deno.test("a key that a Perl module draws when it is loaded is another for each request", async () => {
  await using library = await makeLibrary({
    "Drawn.pm": "package Drawn; our $KEY = rand; 1;\n",
    "Calm.pm": "package Calm; 1;\n",
  });
  await using warm = await startWarm({
    script: `${PERL}use lib '${library.folder}'; use Calm; use Drawn; print $Drawn::KEY;`,
  });
  await until(async () => {
    await ask(warm.server, "script");
    return /"Drawn.pm" is imported for each request[^]*zygote \d+ has imported [1-9]/.test(warm.server.logText());
  }, "the other one is imported");
  const keys = new Set<string>();
  for (let turn = 0; turn < 4; turn++) keys.add(await ask(warm.server, "script"));
  assertEquals(keys.size, 4);
});

/** Whether Python has adapted the bytecode by which Flask answers: in a new process it has run none of it. */
const FLASK_IS_REHEARSED = "Flask.wsgi_app.__code__._co_code_adaptive != Flask.wsgi_app.__code__.co_code";

Deno.test("what Flask makes for a first application and request is there before a warm program begins", async () => {
  await using warm = await startWarm({
    "with_app": `${PYTHON}from flask import Flask\nprint(${FLASK_IS_REHEARSED}, end="")\nFlask(__name__)`,
  });
  assertEquals(await ask(warm.server, "with_app"), "False");
  await until(async () => await ask(warm.server, "with_app") === "True", "it is rehearsed");
});

for (
  const [name, text] of [
    ["listens to its signals", "flask.request_started.connect(lambda *_, **__: SEEN.append(1), weak=False)"],
    [
      "patches it",
      "plain = flask.Flask.wsgi_app\nflask.Flask.wsgi_app = lambda *given: SEEN.append(1) or plain(*given)",
    ],
    [
      "wraps it",
      "plain = flask.Flask.wsgi_app\nclass Wrapper:\n    __code__ = plain.__code__\n" +
      "    def __get__(self, application, kind):\n" +
      "        return self if application is None else lambda *given: SEEN.append(1) or plain(application, *given)\n" +
      "flask.Flask.wsgi_app = Wrapper()",
    ],
    ["patches what its requests are", "flask.Request.on_json_loading_failure = lambda *_: SEEN.append(1)"],
    ["patches its routes", "from werkzeug.routing import Rule\nRule.refresh = lambda *_: SEEN.append(1)"],
    ["looks at all calls", "import sys\nsys.setprofile(lambda *_: None)"],
  ]
) {
  Deno.test(`beside a library that ${name} Flask is not asked for a page before requests`, async () => {
    await using warm = await startWarm({ script: "" });
    const { folder, server } = warm;
    await using library = await makeLibrary({ "observer.py": `import flask\nSEEN = []\n${text}\n` });
    const source =
      `${PYTHON}import sys\nsys.path.append("${library.folder}")\nimport observer\nfrom flask import Flask\n` +
      `print(observer.SEEN, ${FLASK_IS_REHEARSED}, end="")`;
    await Deno.writeTextFile(join(folder, "script"), source);
    const plain = await ask(server, "script");
    await until(async () => {
      assertEquals(await ask(server, "script"), plain);
      return /zygote \d+ has imported [1-9]\d\d/.test(server.logText());
    }, "it is imported");
    assertEquals(await ask(server, "script"), plain);
  });
}

for (
  const [name, first, later, want] of [
    ["fails", "raise TypeError('other arguments')", "", "0 None"],
    ["prints", "print('made')", "", "0 None"],
    ["sets the environment", "os.environ['LEFT'] = 'left'", "", "0 None"],
    ["imports more", "import colorsys", "", "0 None"],
    ["never ends", "time.sleep(60)", "", "0 None"],
    ["starts a thread", "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", "", "0 None"],
    ["is what it should be", "", "", "16 None"],
    [
      "starts a thread the second time",
      "",
      "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
      "left out",
    ],
  ] as const
) {
  Deno.test(`a library by the name of Flask whose application ${name} is rehearsed in a process of its own first`, async () => {
    await using warm = await startWarm({ script: "" });
    const { folder, server } = warm;
    await using library = await makeLibrary({
      "flask.py": `import os, threading, time
MADE = 0
class Answer(list):
    def close(self): pass
class Flask:
    def __init__(self, name):
        global MADE
        MADE += 1
        if MADE == 1:
            ${first || "pass"}
        else:
            ${later || "pass"}
    def add_url_rule(self, rule, endpoint, view): self.view = view
    def __call__(self, environ, start_response): return Answer([self.view().encode()])
`,
    });
    const source = `${PYTHON}import os, sys\nsys.path.insert(1, "${library.folder}")\nimport html, flask\n` +
      'print(flask.MADE, os.environ.get("LEFT"), end="")';
    await Deno.writeTextFile(join(folder, "script"), source);
    assertEquals(await ask(server, "script"), "0 None");
    if (want === "left out") {
      await until(async () => {
        assertEquals(await ask(server, "script"), "0 None");
        return server.logText().includes('/script": "flask" is imported for each request: it starts 15 threads');
      }, "it is left out");
    } else {
      await until(async () => {
        await ask(server, "script");
        return /zygote \d+ has imported [1-9]/.test(server.logText());
      }, "it is imported");
      assertEquals(await ask(server, "script"), want);
      assertNotMatch(server.logText(), /"flask" is imported for each request/);
    }
  });
}

for (const [language, ending] of [["Python", "py"], ["Perl", "pm"]] as const) {
  Deno.test(`a ${language} program that imports some hundred modules is warm with all of them`, async () => {
    const names = Array.from({ length: 400 }, (_, index) => `Module_with_a_long_name_${index}`);
    await using warm = await startWarm({ script: "" });
    const { folder, server } = warm;
    const module = (name: string) => language === "Python" ? `WORD = 5\n` : `package ${name}; 1;\n`;
    await using library = await makeLibrary(
      Object.fromEntries(names.map((name) => [`${name}.${ending}`, module(name)])),
    );
    const source = language === "Python"
      ? `${PYTHON}import sys\nsys.path.append("${library.folder}")\nimport ${names.join(", ")}\nprint("done")`
      : `${PERL}use lib '${library.folder}'; ${names.map((name) => `use ${name};`).join(" ")} print "done\\n";`;
    await Deno.writeTextFile(join(folder, "script"), source);
    await until(async () => {
      assertEquals(await ask(server, "script"), "done\n");
      return /zygote \d+ has imported 4\d\d modules/.test(server.logText());
    }, "all of them are imported");
    assertEquals(await ask(server, "script"), "done\n");
    assertEquals(server.logText().includes(" WARN warm"), false);
  });
}

Deno.test("limits and user of warm programs are those of plain ones", { ignore: Deno.uid() !== 0 }, async () => {
  const python = `${PYTHON}import os, resource, sys
r = [resource.getrlimit(n) for n in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)]
print(os.getuid(), os.getgid(), os.getgroups(), r)
if os.environ["QUERY_STRING"] == "burn":
    while True: pass
if os.environ["QUERY_STRING"] == "eat":
    try:
        x = bytearray(1 << 30)
    except MemoryError:
        print("no memory")
if os.environ["QUERY_STRING"] == "parent":
    print(os.getppid())`;
  const perl = `${PERL}print "$< $( $> $)", \`ulimit -t; ulimit -n; ulimit -v\`;`;
  const options = ["--cgi-user", "nobody", "--cgi-limit-cpu", "1", "--cgi-limit-memory", "500M"];
  const args = [...options, "--cgi-limit-files", "40", "--cgi-limit-processes", "1000"];
  await using warm = await startWarm({ python, perl }, { args });
  const { server } = warm;
  for (const name of ["python", "perl"]) {
    const plain = await ask(server, name);
    assertMatch(plain, /^65534 65534/);
    await warmUp(warm, name);
    for (let round = 0; round < 3; round++) assertEquals(await ask(server, name), plain);
  }
  const zygotes = zygotesIn(server.logText(), "python");
  assertEquals(zygotes.at(-1), Number((await ask(server, "python?parent")).trim().split("\n").at(-1)));
  assertMatch(await ask(server, "python?eat"), /no memory/);
  await assertCut(server, "python?burn");
  await server.waitForLog((log) => /python\[\d+\]: Ended with signal (SIGXCPU|SIGKILL)/.test(log));
  // What its children have used is not the zygote's.
  assertEquals(await ask(server, "python"), await ask(server, "python"));
});

async function assertCut(server: TestServer, target: string): Promise<void> {
  const response = await fetch(`${server.url}/cgi/${target}`);
  await response.text().catch(() => "cut");
}

Deno.test("a warm program is ended with its group when its client goes, or time is up", async () => {
  const source = `${PYTHON}import os, subprocess, time
child = subprocess.Popen(["/bin/sleep", "100"], stdin=subprocess.DEVNULL)
print(os.getpid(), os.getppid(), flush=True)
if os.environ["QUERY_STRING"]: time.sleep(100)
child.kill()`;
  const args = ["--script-body-ms", "1s", "--script-kill-ms", "100ms", "--half-closed-ms", "1ms"];
  await using warm = await startWarm({ script: source }, { args });
  const { server } = warm;
  await warmUp(warm, "script", 1);
  for (const ends of ["client", "time"]) {
    const abort = new AbortController();
    const response = await fetch(`${server.url}/cgi/script?sleep`, { signal: abort.signal });
    assert(response.body !== null);
    const printed = new PrintedText(response.body);
    const [, pid, parent] = /^(\d+) (\d+)/.exec(await printed.line()) ?? [];
    assert(zygotesOf(server.pid).includes(Number(parent)), `${parent} is no zygote`);
    assertEquals(groupMembers(Number(pid)).length, 2);
    if (ends === "client") abort.abort();
    await until(() => groupMembers(Number(pid)).length === 0, `the group has ended: ${ends}`);
    await printed.cancel().catch(() => {});
  }
});

Deno.test("each of several workers has zygotes of its own, and --max-warm-count is for all of them", async () => {
  const scripts = Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`s${n}`, `${PYTHON}print(${n})`]));
  await using warm = await startWarm(scripts, { args: ["--workers", "2", "--max-warm-count", "4"] });
  for (let round = 0; round < 12; round++) {
    for (const name of Object.keys(scripts)) assertEquals(await ask(warm.server, name), `${name.slice(1)}\n`);
  }
  const count = zygotesOf(warm.server.pid).length;
  assert(count >= 1 && count <= 4, `${count} zygotes`);
  const { pid } = warm.server;
  const zygotes = zygotesOf(pid);
  await warm.server.stop();
  assertEquals(zygotes.filter(isProcess), []);
});

Deno.test("a zygote is replaced after so many requests, and ends when nobody asks", async () => {
  const args = ["--max-warm-request-count", "5", "--warm-idle-ms", "500ms"];
  await using warm = await startWarm({ script: `${PYTHON}import os\nprint(os.getppid())` }, { args });
  await warmUp(warm, "script", 2);
  await warm.server.waitForLog((log) => /nobody has asked for it for a while \(\d+ requests warm, \d+ plain/.test(log));
  await until(() => zygotesOf(warm.server.pid).length === 0, "the last one has ended");
  assertMatch(await ask(warm.server, "script"), /^\d+\n$/);
});

Deno.test("a zygote that is too slow to import its modules is given up, and its script runs plainly", async () => {
  const source = `${PYTHON}import sys\nsys.path.append("FOLDER/site-packages")\nimport slow\nprint("done")`;
  await using warm = await startWarm({ script: source }, { args: ["--warm-start-ms", "300ms"] });
  const { folder, server } = warm;
  const text = `import os, time\nif os.environ.get("QUERY_STRING") is None: time.sleep(100)\n`;
  await writeFiles(folder, { "site-packages/slow.py": text });
  await Deno.writeTextFile(join(folder, "script"), source.replaceAll("FOLDER", folder));
  await until(async () => {
    assertEquals(await ask(server, "script"), "done\n");
    return server.logText().includes("its modules take more than 300 ms to be imported");
  }, "it is given up");
  await until(() => zygotesOf(server.pid).length === 0, "no zygote is left");
  for (let round = 0; round < 3; round++) assertEquals(await ask(server, "script"), "done\n");
  assertEquals(server.logText().split("runs plainly").length, 2);
});

Deno.test("a handler's interpreter is kept warm, and places may differ", async () => {
  const source = "import os\nprint('Content-Type: text/plain\\n')\nprint(os.getppid())";
  const folder = await Deno.makeTempDir();
  await writeFiles(folder, { "www/a.py": source, "www/cold/b.py": source });
  await Deno.writeTextFile(
    `${folder}/conf`,
    `root = ${folder}/www\ncgi-handler = .py=/usr/bin/python3\ncgi-warm = on\n[/cold/]\ncgi-warm = off\n`,
  );
  const commandLine = (
    { log }: { readonly log: string },
  ) => ["--config", `${folder}/conf`, "--http", "0", "--listen", "127.0.0.1", "--log", log, "--foreground"];
  await using server = await startServer({ commandLine });
  const parent = async (path: string) => Number(await (await fetch(server.url + path)).text());
  await until(async () => zygotesOf(server.pid).includes(await parent("/a.py")), "a.py is warm");
  for (let round = 0; round < 5; round++) assertEquals(await parent("/cold/b.py"), server.pid);
  await server.stop();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("with --native off programs run plainly, with a word", async () => {
  await using warm = await startWarm({ script: `${PYTHON}print("done")` }, { args: ["--native", "off"] });
  for (let round = 0; round < 3; round++) assertEquals(await ask(warm.server, "script"), "done\n");
  assertMatch(warm.server.logText(), /WARN warm: --cgi-warm on needs calls of the C library: programs run plainly/);
  assertEquals(zygotesOf(warm.server.pid), []);
});

Deno.test("scripts that are neither Python nor Perl are told at INFO, those that could be warm and are not at WARN", async () => {
  const answer = "printf 'Content-Type: text/plain\\n\\n\\n'\n";
  await using warm = await startWarm({
    "shell": `#!/bin/sh\n${answer}`,
    "odd.py": '#!/usr/bin/python3 -x\nprint("Content-Type: text/plain\\n")\n',
    "wrong.py": '#!/usr/bin/python3\nprint("Content-Type: text/plain\\n")\ndef f(:\n',
  });
  for (const name of ["shell", "shell", "odd.py", "odd.py"]) await ask(warm.server, name);
  await until(async () => {
    await ask(warm.server, "wrong.py");
    return warm.server.logText().includes(`wrong.py" runs plainly`);
  }, "the faulty one is given up");
  const told = warm.server.logText().matchAll(/ (\w+) warm: ".*\/(\S+)" runs plainly: (.*)/g);
  assertEquals(Array.from(told, ([, level, name, reason]) => [level, name, reason.slice(0, 30)]), [
    ["INFO", "shell", '"sh" is neither Python 3 nor P'],
    ["WARN", "odd.py", "its interpreter has the option"],
    ["WARN", "wrong.py", "it does not compile"],
  ]);
});
