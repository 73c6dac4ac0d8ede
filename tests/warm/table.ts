/**
 * Scripts that must answer the same whether they are kept warm or not, each with what it is about. What differs from one
 * process to the next (process ids, times, random numbers) they do not print. `FOLDER` stands for the folder that they lie in.
 */

export interface WarmCase {
  /** The file's name, with what it is about; what stands before the first dot is the name of the row. */
  readonly name: string;
  readonly source: string;
  /** Search words or a query; default none. */
  readonly query?: string;
  /** Content to be posted. */
  readonly content?: string;
  /** Why it runs plainly: a part of the reason. */
  readonly plain?: string;
  /** It is neither Python nor Perl, which is no fault. */
  readonly foreign?: boolean;
  /** Why no process of it is seen to be warm, though it may be. */
  readonly uncounted?: boolean;
}

const HEAD = 'print("Content-Type: text/plain\\n")\n';

function python(name: string, body: string, more: Partial<WarmCase> & { readonly line?: string } = {}): WarmCase {
  const { line = "#!/usr/bin/python3", ...rest } = more;
  return { name: `${name}.py`, source: `${line}\n${HEAD}${body}\n`, ...rest };
}

function perl(name: string, body: string, more: Partial<WarmCase> & { readonly line?: string } = {}): WarmCase {
  const { line = "#!/usr/bin/perl", ...rest } = more;
  return { name: `${name}.pl`, source: `${line}\nprint "Content-Type: text/plain\\n\\n";\n${body}\n`, ...rest };
}

/** What Python tells of itself. */
const PROCESS = `import os, sys
print(sorted(os.environ))
print([(k, os.environ[k]) for k in os.environ if k not in ("REMOTE_PORT", "SERVER_PORT", "HTTP_HOST", "UNIQUE_ID")])
print(sys.argv, sys.orig_argv, sys.path, sys.flags, sys.executable, sys.prefix, sys.base_prefix)
print(sorted(os.listdir("/proc/self/fd")), os.getcwd(), os.umask(0), os.getpgid(0) == os.getpid() == os.getsid(0))
print([os.readlink("/proc/self/fd/%d" % n).split(":")[0] for n in range(3)])
print({k: v for k, v in globals().items() if k.startswith("__") and k not in ("__loader__", "__builtins__")})
print(type(__builtins__), type(__loader__), __loader__.name, __loader__.path, list(globals())[:8])
print(sys.stdin.encoding, sys.stdout.encoding, sys.stdout.errors, sys.stdout.line_buffering, sys.stderr.errors)
print(sys.stdin.name, sys.stdout.name, sys.stdout.isatty(), sys.getrecursionlimit(), sys.getswitchinterval())
print([line for line in open("/proc/self/status") if line.startswith(("SigP", "SigB", "SigI", "SigC", "Threads", "Groups", "Uid", "NoNew"))])
print(sys.gettrace(), sys.getprofile(), sys.excepthook is sys.__excepthook__, [str(f).split(" at ")[0] for f in sys.meta_path], len(sys.path_hooks))`;

/** Each way to end. */
const PYTHON_ENDS: readonly WarmCase[] = [
  python("end-exit-0", "import sys; sys.exit(0)"),
  python("end-exit-3", "import sys; sys.exit(3)"),
  python("end-exit-text", 'import sys; sys.exit("It is over")'),
  python("end-exit-tuple", "import sys; sys.exit((1, 2))"),
  python("end-exit-true", "raise SystemExit(True)"),
  python("end-exit-large", "raise SystemExit(1 << 70)"),
  python("end-exit-none", "raise SystemExit"),
  python("end-exception", "def f(x):\n    return 1 / x\nf(0)"),
  python("end-exception-chain", 'try:\n    {}["a"]\nexcept KeyError as e:\n    raise ValueError("b") from e'),
  python("end-exception-own", "class Own(Exception):\n    pass\nraise Own('text', 2)"),
  python("end-interrupt", "raise KeyboardInterrupt"),
  python("end-hard", 'import os, sys; sys.stdout.flush(); sys.stderr.write("so"); os._exit(4)'),
  python("end-sigkill", "import os, sys; sys.stdout.flush(); os.kill(os.getpid(), 9)"),
  python("end-sigterm", "import os, sys; sys.stdout.flush(); os.kill(os.getpid(), 15)"),
  python("end-abort", "import os, sys; sys.stdout.flush(); os.abort()"),
  python("end-atexit", 'import atexit\natexit.register(print, "at exit")\natexit.register(lambda: print("first"))'),
  python("end-atexit-error", "import atexit\natexit.register(lambda: 1 / 0)"),
  python("end-stdout-closed", "import os, sys; sys.stdout.flush(); os.close(1); print('lost')"),
  python("end-stdout-closed-twice", "import sys; sys.stdout.close()"),
  python(
    "end-thread",
    "import threading, time\ndef f():\n    time.sleep(0.05); print('later')\nthreading.Thread(target=f).start()\nprint('first')",
  ),
  python(
    "end-thread-daemon",
    "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint('first')",
  ),
  python(
    "end-fork",
    "import os, sys\nsys.stdout.flush()\nif os.fork() == 0:\n    print('child')\nelse:\n    os.wait()\n    print('parent')",
  ),
  python("end-exec", "import os, sys; sys.stdout.flush(); os.execv('/bin/echo', ['echo', 'another'])"),
  python(
    "end-del",
    "class Ends:\n    def __init__(self, name):\n        self.name = name\n    def __del__(self):\n        print('del', self.name)\na = Ends('a')\nb = Ends('b')\nb.itself = b",
  ),
  python(
    "end-unflushed",
    "import os\nname = 'FOLDER/unflushed-%d' % os.getpid()\nf = open(name, 'w')\nf.write('kept')\nfirst = os.fork() if False else 0\nimport atexit\natexit.register(lambda: print(os.path.getsize(name)))",
  ),
  python("end-hook", "import sys\nsys.excepthook = lambda t, v, b: print('hook', t, v, b.tb_lineno)\n1 / 0"),
  python("end-hook-fails", "import sys\ndef hook(t, v, b):\n    raise TypeError('hook')\nsys.excepthook = hook\n1 / 0"),
  python("end-hook-missing", "import sys\ndel sys.excepthook\n1 / 0"),
  python("end-syntax", "def f(:\n    pass", { plain: "does not compile" }),
  python("end-no-stderr", "import sys\nsys.stderr = None\n1 / 0"),
  python("end-recursion", "def f(n):\n    return f(n + 1)\ntry:\n    f(0)\nexcept RecursionError as e:\n    print(e)"),
  python(
    "end-generator",
    "def g():\n    try:\n        yield 1\n    finally:\n        print('closed')\nx = g()\nprint(next(x))",
  ),
];

const PYTHON_LINES: readonly WarmCase[] = [
  python("line-plain", PROCESS),
  python("line-blank", PROCESS, { line: "#! /usr/bin/python3" }),
  python("line-env", PROCESS, { line: "#!/usr/bin/env python3" }),
  python("line-env-split", PROCESS, { line: "#!/usr/bin/env -S python3 -u -s" }),
  python("line-isolated", PROCESS, { line: "#!/usr/bin/python3 -I" }),
  python("line-no-environment", PROCESS, { line: "#!/usr/bin/python3 -Es" }),
  python("line-optimized", `${PROCESS}\nassert False`, { line: "#!/usr/bin/python3 -OO" }),
  python("line-safe-path", PROCESS, { line: "#!/usr/bin/python3 -P" }),
  python("line-utf8", PROCESS, { line: "#!/usr/bin/python3 -Xutf8" }),
  python("line-venv", PROCESS, { line: "#!FOLDER/venv/bin/python3" }),
  python("line-odd", "print(1)", { line: "#!/usr/bin/python3 -x", plain: "option" }),
  {
    name: "line-shell.sh",
    source: "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nshell\\n'\n",
    plain: "neither",
    foreign: true,
  },
  python("words", "import sys; print(sys.argv)", { query: "one+tw%6f+-x" }),
];

const PYTHON_MODULES: readonly WarmCase[] = [
  python("own-shadow", "import shadow.run"),
  python("own-json", "import sys\nsys.path.insert(0, 'FOLDER/shadowing')\nimport json, html\nprint(json.WHO)"),
  python("own-package", "import own_package.part\nprint(own_package.part.f())"),
  python("own-traceback", "import own_package.part\nown_package.part.fail()"),
  python(
    "own-path-late",
    "import html, sys\nsys.path.append('FOLDER/more')\nimport extra\nprint(extra.NAME, sys.path[-1])",
  ),
  python("own-pickle", "import pickle\nclass C:\n    pass\nprint(type(pickle.loads(pickle.dumps(C()))).__module__)"),
  python("own-inspect", "import inspect\ndef f():\n    return 5\nprint(inspect.getsource(f), inspect.getfile(f))"),
  python("own-main", "import __main__, sys\nprint(__main__.__dict__ is globals(), sys.modules['__main__'].__file__)"),
  python("own-latin", 'print("x")', {
    line: "#!/usr/bin/python3\n# -*- coding: latin-1 -*-\nTEXT = 'gr\u00fc\u00dfe'",
  }),
  python(
    "own-environment",
    "import os\nos.environ['LISOD_MODE'] = 'dark'\nimport decimal\nprint(os.environ['LISOD_MODE'])",
  ),
  python(
    "own-broken",
    "import traceback\nimport own_package.part\ntry:\n    import broken\nexcept SyntaxError:\n    traceback.print_exc()\nimport fails",
  ),
  python(
    "own-replaced",
    "import sys, json, late\nfrom types import ModuleType\ndel sys.modules['json']\nimport json, html\nsys.modules['made'] = ModuleType('made')\nfor name in reversed(list(sys.modules)):\n    sys.modules[name] = sys.modules.pop(name)\nimport own_package.part\nprint(json.dumps(1))",
  ),
  python("own-ends", "import late, later\nlate.ENDS.other = later\nprint('first')"),
  python("own-ends-unused", "def f():\n    import late, later\nf()\nprint('first')"),
  python(
    "own-reload",
    "import importlib, own_package.part as part\nprint(importlib.reload(part).f(), part.__cached__)",
  ),
  python(
    "own-code",
    "import own_package.part as part\nprint(part.__loader__.get_code('own_package.part').co_filename, part.f.__code__.co_filename)",
  ),
  python("own-zip", "import sys\nsys.path.insert(0, 'FOLDER/own.zip')\nimport zipped\nprint(zipped.NAME)"),
];

const PYTHON_LIBRARY: readonly WarmCase[] = [
  python(
    "lib-subprocess",
    "import subprocess\nprint(subprocess.run(['/usr/bin/env'], capture_output=True, text=True).returncode)\nprint(subprocess.check_output(['/bin/ls', '/proc/self/fd'], text=True))",
  ),
  python(
    "lib-environment",
    "import os, subprocess\nos.environ['NEW'] = 'x'\ndel os.environ['PATH']\nprint([l for l in subprocess.check_output(['/usr/bin/env'], text=True).split('\\n') if 'PORT' not in l and 'HOST' not in l and 'UNIQUE_ID' not in l])",
  ),
  python(
    "lib-getenv",
    "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.getenv.restype = ctypes.c_char_p\nprint(libc.getenv(b'REQUEST_METHOD'), libc.getenv(b'OPENBLAS_NUM_THREADS'), libc.getenv(b'QUERY_STRING'))",
    { query: "a=b" },
  ),
  python(
    "lib-multiprocessing",
    "import multiprocessing\ndef f(x):\n    return x * x\nif __name__ == '__main__':\n    with multiprocessing.Pool(2) as pool:\n        print(pool.map(f, range(5)))",
  ),
  python(
    "lib-spawn",
    "import multiprocessing\ndef f(q):\n    q.put('spawned')\nif __name__ == '__main__':\n    c = multiprocessing.get_context('spawn')\n    q = c.Queue()\n    p = c.Process(target=f, args=(q,))\n    p.start(); print(q.get()); p.join()",
  ),
  python(
    "lib-threading",
    "import threading, logging, os\nmain = threading.main_thread()\nprint(main is threading.current_thread(), main.native_id == os.getpid() == threading.get_native_id(), main.ident == threading.get_ident())\nprint(threading.enumerate() == [main], main._started.is_set())",
  ),
  python(
    "lib-fork",
    "import os, sys, threading, logging, random, concurrent.futures.thread\nseen = []\nfor name in ('before', 'after_in_parent', 'after_in_child'):\n    os.register_at_fork(**{name: lambda name=name: seen.append(name)})\nwait = threading.Event()\nthreading.Thread(target=wait.wait).start()\nstate = random.getstate()\nif os.fork() == 0:\n    print(seen, threading.active_count(), random.getstate() != state, logging.getLogger().handlers, flush=True)\n    os._exit(0)\nos.wait()\nprint(seen, threading.active_count(), random.getstate() == state)\nwait.set()\nos.register_at_fork(before=5)",
  ),
  python(
    "lib-futures",
    "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\nprint(list(pool.map(len, ['a', 'bb'])))\npool.submit(print, 'last')",
  ),
  python(
    "lib-tempfile",
    "import os, tempfile\nprint(tempfile.gettempdir())\nwith tempfile.NamedTemporaryFile() as f:\n    print(os.path.exists(f.name))\nd = tempfile.TemporaryDirectory()\nprint(os.path.isdir(d.name))",
  ),
  python(
    "lib-time-zone",
    "import time, datetime, zoneinfo\nprint(time.tzname, datetime.datetime.fromtimestamp(0).isoformat(), zoneinfo.ZoneInfo('Europe/Berlin'))",
  ),
  python(
    "lib-locale",
    "import locale\nprint(locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(), locale.localeconv()['decimal_point'])\nlocale.setlocale(locale.LC_ALL, '')\nprint(locale.getlocale())",
  ),
  python(
    "lib-sqlite",
    "import sqlite3\nd = sqlite3.connect(':memory:')\nd.execute('create table t (a)')\nd.executemany('insert into t values (?)', [(i,) for i in range(9)])\nprint(d.execute('select sum(a) from t').fetchone())",
  ),
  python(
    "lib-logging",
    "import logging\nlogging.basicConfig(format='%(levelname)s %(name)s %(message)s')\nlogging.warning('to the log')\nprint(logging.LogRecord('', 0, '', 0, '', (), None).relativeCreated < 2000)",
  ),
  python("lib-warnings", "import warnings\nwarnings.warn('old', DeprecationWarning)\nprint('x' is 'x')"),
  python(
    "lib-asyncio",
    "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5\nprint(asyncio.run(f()))",
  ),
  python(
    "lib-ssl",
    "import ssl, hashlib\nprint(ssl.create_default_context().verify_mode, hashlib.sha256(b'x').hexdigest())",
  ),
  python(
    "lib-socket",
    "import socket\na, b = socket.socketpair()\na.send(b'x'); print(b.recv(1), a.fileno(), b.fileno())",
  ),
  python(
    "lib-http",
    "import http.cookies, urllib.parse, html, email.message\nprint(http.cookies.SimpleCookie('a=b'), urllib.parse.parse_qs('a=1&a=2'), html.escape('<'))",
  ),
  python("lib-cgi", "import cgi\nf = cgi.FieldStorage()\nprint(f.getvalue('a'), f.getvalue('b'))", {
    query: "b=2",
    content: "a=1",
  }),
  python("lib-stdin", "import sys\nprint(sys.stdin.readline(), sys.stdin.buffer.read())", {
    content: "one\ntwo\nthree",
  }),
  python(
    "lib-stdin-empty",
    "import sys\nprint(repr(sys.stdin.read()), sys.stdin.seekable())\ntry:\n    input()\nexcept EOFError as e:\n    print(e)",
  ),
  python(
    "lib-signals",
    "import signal\nprint({s.name: str(signal.getsignal(s)).split(' at ')[0] for s in signal.Signals if s not in (9, 19)})\nprint(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.set_wakeup_fd(-1))",
  ),
  python(
    "lib-sigchld",
    "import os, signal, time\nsignal.signal(signal.SIGCHLD, lambda *a: print('child ended'))\nif os.fork() == 0:\n    os._exit(0)\ntime.sleep(0.05)\nprint(os.wait()[1])",
  ),
  python(
    "lib-unicode",
    "print('\u00e4\u20ac\U0001f600')\nimport sys; print(sys.getdefaultencoding(), sys.getfilesystemencoding())",
  ),
  python(
    "lib-files",
    "with open('FOLDER/data.txt') as f:\n    print(f.read(), f.fileno())\nprint(open('/proc/self/cmdline').read().count('\\0') > 0)",
  ),
  python(
    "lib-resource",
    "import resource\nprint([resource.getrlimit(n) for n in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)])",
  ),
  python("lib-decimal", "import decimal, fractions, statistics\nprint(decimal.getcontext(), statistics.mean([1, 2]))"),
  python("lib-gc", "import gc\nprint(gc.get_threshold(), gc.isenabled(), gc.get_freeze_count() >= 0)\ngc.disable()"),
  python("lib-wsgi", "", { uncounted: true }),
  python(
    "lib-random",
    "import random, uuid, secrets, os\nrandom.seed(5)\nprint(random.random(), len(secrets.token_hex()), uuid.uuid5(uuid.NAMESPACE_URL, 'x'))",
  ),
  python(
    "lib-traceback",
    "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()\n    print(traceback.format_exc())\nimport sys\nprint(sys._getframe().f_lineno, traceback.extract_stack()[-1].lineno)",
  ),
  python(
    "lib-cgitb",
    "import cgitb, sys\ncgitb.enable(format='text', context=1)\nprint(sys.excepthook.__class__.__name__)",
  ),
  python("lib-readline", "import readline\nprint(readline.get_history_length())"),
  python(
    "lib-faulthandler",
    "import faulthandler, dis\nprint(faulthandler.is_enabled(), len(dis.Bytecode('a + b').dis()))",
  ),
];

const PERL: readonly WarmCase[] = [
  perl(
    "perl-process",
    "opendir my $d, '/proc/self/fd'; print join(' ', sort readdir $d), \"\\n\";\nprint \"$0 @ARGV $^X \", __FILE__, ' ', join(',', map { \"$_=$ENV{$_}\" } grep { !/PORT|HTTP_HOST|UNIQUE_ID/ } sort keys %ENV), \"\\n@INC\\n\";\nprint getpgrp == $$, ' ', umask, \" $^W ${^TAINT} $; $, \", time - $^T < 3, \"\\n\"; system 'pwd'; print map { ref } values %SIG;\nopen my $s, '/proc/self/status'; print grep { /^(Sig[PBIC]|Threads|Uid)/ } <$s>;",
  ),
  perl("perl-exit", "exit 3;"),
  perl("perl-die", "die 'It is over';"),
  perl("perl-die-line", "sub f { die { code => 5 } }\nf();"),
  perl("perl-end", "END { print 'end 1' }\nEND { print 'end 2'; $? = 7 }\nexit 2;"),
  perl("perl-end-die", "END { die 'in END' }"),
  perl("perl-warn", "warn 'to the log'; warn \"with a line end\\n\"; my $x; print 'a' . $x;", {
    line: "#!/usr/bin/perl -w",
  }),
  perl("perl-data", "print <DATA>, tell DATA;\n__DATA__\none\ntwo"),
  perl("perl-end-data", "print while <DATA>;\n__END__\nthree\nfour"),
  perl(
    "perl-taint",
    "print ${^TAINT}, eval { open my $f, '>', $ENV{QUERY_STRING}; 1 } ? 'open' : $@;\nprint eval { system $ENV{PATH}; 1 } ? 'run' : $@; print eval { open my $f, \">$ARGV[0]\"; 1 } ? 'open' : $@;",
    { line: "#!/usr/bin/perl -T", query: "word" },
  ),
  perl(
    "perl-cgi",
    "use CGI; my $q = CGI->new; print $q->param('a'), $q->param('b') // 'none', $q->url(-relative => 1), $q->start_html('x');",
    { query: "a=1", content: "b=2" },
  ),
  perl("perl-carp", "use CGI::Carp qw(fatalsToBrowser); use strict; die 'for the browser';"),
  perl(
    "perl-fork",
    "$| = 1; if (my $pid = fork) { waitpid $pid, 0; print \"parent $?\" } else { print 'child'; exit 5 }",
  ),
  perl(
    "perl-system",
    "print `echo from a shell`, $?; system 'exit 3'; print $? >> 8; open my $p, '-|', 'ls /proc/self/fd'; print <$p>;",
  ),
  perl("perl-exec", "$| = 1; print 'first '; exec '/bin/echo', 'another';"),
  perl("perl-kill", "$| = 1; print 'x'; kill 'KILL', $$;"),
  perl("perl-own", "use FindBin; use lib $FindBin::Bin; use OwnModule; print OwnModule::name(), $INC{'OwnModule.pm'};"),
  perl(
    "perl-posix",
    "use POSIX qw(strftime setlocale LC_ALL); print strftime('%Y', gmtime 0), setlocale(LC_ALL); use Time::HiRes 'time'; print time > 1;",
  ),
  perl("perl-stdin", "local $/; print <STDIN>, $ENV{CONTENT_LENGTH};", { content: "the content" }),
  perl("perl-stdin-empty", "print defined <STDIN> ? 'something' : 'nothing', eof STDIN;"),
  perl("perl-utf8", "use utf8; use open qw(:std :utf8); print '\u00e4\u20ac', length '\u00e4';"),
  perl("perl-modern", "use v5.36; say 'said'; sub f ($x) { return $x + 1 } say f(4);"),
  perl("perl-phases", "BEGIN { print 'begin' } INIT { print 'init' } CHECK { print 'check' } print ${^GLOBAL_PHASE};"),
  perl("perl-syntax", "print 'x' if (;"),
  perl("perl-strict", "use strict; $x = 5;"),
  perl(
    "perl-signals",
    "local $SIG{ALRM} = sub { print 'alarm' }; alarm 1; select undef, undef, undef, 2; print join ',', map { $_ // 'undef' } @SIG{qw(CHLD PIPE TERM)};",
  ),
  perl(
    "perl-modules",
    "use Data::Dumper; use File::Temp 'tempfile'; use Encode; use JSON::PP; use List::Util 'sum'; $Data::Dumper::Sortkeys = 1; print Dumper({ a => 1 }), JSON::PP->new->canonical->encode({ b => [2] }), sum(1, 2); my ($h, $n) = tempfile(UNLINK => 1); print -e $n;",
  ),
  perl(
    "perl-local",
    "{ package Ends; sub DESTROY { print 'destroyed' } } our $x = bless {}, 'Ends'; my $y = bless {}, 'Ends';",
  ),
  perl("perl-env", "print 'env';", { line: "#!/usr/bin/env perl" }),
  perl("perl-env-split", "print $^W;", { line: "#!/usr/bin/env -S perl -w -T" }),
  perl("perl-words", 'print "@ARGV";', { query: "one+tw%6f" }),
];

/** Files beside the scripts, by their names. */
export const BESIDE: Readonly<Record<string, string>> = {
  "data.txt": "data\n",
  "shadow/__init__.py": "",
  "shadow/run.py": "import html, shadow.json\nprint(html.__file__, shadow.json.WHO)\n",
  "shadow/json.py": "WHO = 'beside'\n",
  "shadowing/json.py": "WHO = 'shadow'\n",
  "own_package/__init__.py": "import decimal\n",
  "own_package/part.py": "def f():\n    return 'part'\n\n\ndef fail():\n    raise ValueError('in a part')\n",
  "broken.py": "def f(:\n    pass\n",
  "fails.py": "import own_package.part\nown_package.part.fail()\n",
  "late.py": "class Ends:\n    def __del__(self):\n        print('late ends')\n\n\nENDS = Ends()\n",
  "later.py": "class Ends:\n    def __del__(self):\n        print('later ends')\n\n\nENDS = Ends()\n",
  "more/extra.py": "NAME = 'extra'\n",
  "OwnModule.pm": "package OwnModule; use List::Util; sub name { 'own' } 1;\n",
};

export const WARM_CASES: readonly WarmCase[] = [
  ...PYTHON_ENDS,
  ...PYTHON_LINES,
  ...PYTHON_MODULES,
  ...PYTHON_LIBRARY.filter(({ name }) => name !== "lib-wsgi.py"),
  ...PERL,
];
