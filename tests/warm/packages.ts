/**
 * Real Python modules and Perl ones, of the standard libraries and of Debian: each in a script that uses it, warm and plain. What
 * importing them does to a process was measured beforehand; here is what must not be seen of it. Not among the usual tests, for it
 * installs some hundred MiB: `deno task warm`.
 */
import { run } from "../harness.ts";
import { compareScripts } from "./compare.ts";
import type { WarmCase } from "./table.ts";

interface PackageRow {
  /** Of Debian; null: of the standard library. */
  readonly debian: string | null;
  readonly body: string;
  /** A part of the reason for which a module of it is each request's own. */
  readonly left?: string;
  /** Modules that its zygote has imported at least. */
  readonly least?: number;
}

const PYTHON: Readonly<Record<string, PackageRow>> = {
  logging: {
    debian: null,
    body:
      "import logging\nlogging.error('said')\nprint(logging.LogRecord('', 0, '', 0, '', (), None).relativeCreated < 3000)",
  },
  multiprocessing: {
    debian: null,
    body:
      "import multiprocessing as m, os\nprint(m.process.ORIGINAL_DIR == os.getcwd(), len(m.current_process().authkey))\nq = m.Queue(); p = m.Process(target=q.put, args=(5,)); p.start(); print(q.get()); p.join()",
  },
  multiprocessing_shared: {
    debian: null,
    body:
      "from multiprocessing import shared_memory, managers\ns = shared_memory.SharedMemory(create=True, size=9)\ns.buf[0] = 5; print(s.buf[0]); s.close(); s.unlink()",
  },
  concurrent: {
    debian: null,
    body:
      "from concurrent.futures import ProcessPoolExecutor\nif __name__ == '__main__':\n    with ProcessPoolExecutor(2) as pool: print(list(pool.map(abs, [-1, -2])))",
  },
  readline: { debian: null, body: "import readline, rlcompleter\nprint(readline.get_completer_delims())" },
  sysconfig: {
    debian: null,
    body: "import sysconfig\nprint(sysconfig.get_paths(), sysconfig.get_config_var('prefix'))",
  },
  zoneinfo: {
    debian: null,
    body:
      "import zoneinfo, datetime\nprint(zoneinfo.TZPATH, datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Rome')).utcoffset())",
  },
  xml_sax: {
    debian: null,
    body:
      "import xml.sax, xml.etree.ElementTree as e\nprint(e.tostring(e.fromstring('<a><b/></a>')), xml.sax.default_parser_list)",
  },
  wsgiref: {
    debian: null,
    body:
      "import sys\nfrom wsgiref.handlers import CGIHandler\ndef f(e, s):\n    s('200 OK', [('Content-Type', 'text/plain')])\n    return [repr(sorted(k for k in e if 'PORT' not in k)).encode()]\nCGIHandler().run(f)",
  },
  tempfile: {
    debian: null,
    body:
      "import os, tempfile\nprint(tempfile.gettempdir(), tempfile.tempdir)\nos.environ['TMPDIR'] = '/var/tmp'\ntempfile.tempdir = None\nprint(tempfile.gettempdir())",
  },
  unittest: { debian: null, body: "import unittest, doctest, pydoc\nprint(unittest.TestLoader().testMethodPrefix)" },
  numpy: {
    debian: "python3-numpy",
    body:
      "import numpy as np\nprint(np.arange(6).reshape(2, 3) @ np.ones(3), np.linalg.inv(np.eye(2)), np.random.RandomState(5).rand())",
  },
  webpy: {
    debian: "python3-webpy",
    body: "import web\nprint(web.config.debug, web.net.websafe('<'), web.utils.dateify('1') if False else '')",
  },
  aiohttp: {
    debian: "python3-aiohttp",
    body: "import aiohttp, asyncio\nfrom aiohttp import web\nprint(aiohttp.__version__, web.Application().router)"
      .replace(", web.Application().router", ", web.Application.__name__"),
  },
  django: {
    debian: "python3-django",
    body:
      "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x')\nfrom django.conf import settings\nsettings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=['*'], SECRET_KEY='x')\nimport django\nfrom django.http import HttpResponse\nfrom django.core.wsgi import get_wsgi_application\nfrom django.urls import path\nurlpatterns = [path('', lambda r: HttpResponse('hello'))]\nfrom django.test import RequestFactory\nprint(get_wsgi_application()({**os.environ, 'PATH_INFO': '/', 'wsgi.input': None}, print)._container)",
    least: 300,
  },
  django_colorama: {
    debian: "python3-colorama",
    body:
      "import colorama\ncolorama.init()\nimport django.core.management\nprint(colorama.Fore.RED + 'red', django.core.management.color.supports_color())",
  },
  pymysql: {
    debian: "python3-pymysql",
    body: 'import pymysql\nprint(pymysql.connections.DEFAULT_USER, pymysql.converters.escape_string("a\'b"))',
  },
  babel: {
    debian: "python3-babel",
    body:
      "from babel import dates, numbers\nimport datetime\nprint(numbers.format_decimal(1234.5), numbers.LC_NUMERIC, dates.format_date(datetime.date(2024, 1, 2)), dates.get_timezone())",
  },
  cherrypy: {
    debian: "python3-cherrypy3",
    body: "import cherrypy\nprint(cherrypy.__version__, cherrypy.engine.state)",
  },
  tornado: {
    debian: "python3-tornado",
    body: "import tornado.web, tornado.template\nprint(tornado.template.Template('{{ x }}').generate(x=5))",
  },
  twisted: {
    debian: "python3-twisted",
    body: "from twisted.internet import reactor\nreactor.callLater(0, reactor.stop)\nreactor.run()\nprint('ran')",
  },
  markdown2: {
    debian: "python3-markdown2",
    body: "import markdown2\nprint(markdown2.markdown('*a*'))",
    left: "draws random numbers",
  },
  chameleon: {
    debian: "python3-chameleon",
    body: "import chameleon\nprint(chameleon.PageTemplate('<a>${x}</a>')(x=5))",
  },
  peewee: {
    debian: "python3-peewee",
    body:
      "import peewee\nd = peewee.SqliteDatabase(':memory:')\nclass A(peewee.Model):\n    n = peewee.IntegerField()\n    class Meta: database = d\nd.create_tables([A]); A.create(n=5); print(A.get().n)",
  },
  reportlab: {
    debian: "python3-reportlab",
    body:
      "import io\nfrom reportlab.pdfgen import canvas\nb = io.BytesIO(); c = canvas.Canvas(b, invariant=1); c.drawString(1, 1, 'x'); c.save(); print(len(b.getvalue()) > 500)",
  },
  openpyxl: {
    debian: "python3-openpyxl",
    body: "import openpyxl\nw = openpyxl.Workbook(); w.active['A1'] = 5; print(w.active['A1'].value)",
  },
  maxminddb: {
    debian: "python3-maxminddb",
    body: "import maxminddb\ntry:\n    maxminddb.open_database('/nowhere')\nexcept FileNotFoundError as e: print(e)",
  },
  psutil: {
    debian: "python3-psutil",
    body: "import psutil, os\nprint(psutil.Process().pid == os.getpid(), psutil.cpu_count())",
  },
  rdflib: {
    debian: "python3-rdflib",
    body:
      "import rdflib\ng = rdflib.Graph(); g.add((rdflib.URIRef('a'), rdflib.URIRef('b'), rdflib.Literal(1))); print(len(g))",
  },
  httpx: { debian: "python3-httpx", body: "import httpx\nprint(httpx.URL('http://a/b').path)" },
  uvicorn: { debian: "python3-uvicorn", body: "import uvicorn\nprint(uvicorn.Config('a:b').port)" },
  billiard: {
    debian: "python3-billiard",
    body: "import billiard, os\nprint(billiard.process.ORIGINAL_DIR == os.getcwd(), billiard.cpu_count())",
  },
  stomp: { debian: "python3-stomp", body: "import stomp\nprint(stomp.__version__)" },
  arrow: { debian: "python3-arrow", body: "import arrow\nprint(arrow.get(0).to('local'), arrow.arrow.Arrow.max)" },
  dateparser: { debian: "python3-dateparser", body: "import dateparser\nprint(dateparser.parse('2024-01-02'))" },
  icalendar: { debian: "python3-icalendar", body: "import icalendar\nprint(icalendar.Calendar().to_ical())" },
  sympy: { debian: "python3-sympy", body: "import sympy\nx = sympy.Symbol('x'); print(sympy.integrate(x ** 2, x))" },
  rich: {
    debian: "python3-rich",
    body: "from rich.console import Console\nConsole(width=40).print('[bold]x', {'a': 1})",
  },
  typer: { debian: "python3-typer", body: "import typer\nprint(typer.style('x', fg='red'))" },
  hypercorn: { debian: "python3-hypercorn", body: "import hypercorn.config\nprint(hypercorn.config.Config().bind)" },
  quart: { debian: "python3-quart", body: "import quart\nprint(quart.Quart('x').name)" },
  prometheus: {
    debian: "python3-prometheus-client",
    body:
      "import prometheus_client as p\nc = p.Counter('a', 'b'); c.inc(); print(b'a_total 1.0' in p.generate_latest())",
  },
  gunicorn: {
    debian: "python3-gunicorn",
    body: "import gunicorn.app.base, gunicorn.config\nprint(gunicorn.config.Config().workers)",
  },
  eventlet: {
    debian: "python3-eventlet",
    body: "import eventlet\nprint(eventlet.spawn(lambda: 5).wait())",
    left: "descriptors",
  },
  numexpr: { debian: "python3-numexpr", body: "import numexpr\nprint(numexpr.evaluate('2 * 3'))", left: "starts" },
  pandas: {
    debian: "python3-pandas",
    body: "import pandas\nprint(pandas.DataFrame({'a': [1, 2]}).sum()['a'])",
    left: "starts",
  },
  bottle: { debian: "python3-bottle", body: "import bottle\nprint(bottle.template('{{x}}', x=5))" },
  flask_wtf: { debian: "python3-flaskext.wtf", body: "import flask_wtf, flask\nprint(flask.Flask('x').name)" },
  sqlalchemy: {
    debian: "python3-sqlalchemy",
    body:
      "import sqlalchemy as s\ne = s.create_engine('sqlite://')\nprint(e.connect().execute(s.text('select 5')).scalar())",
  },
  requests: {
    debian: "python3-requests",
    body: "import requests\nprint(requests.Request('GET', 'http://a', params={'b': 1}).prepare().url)",
  },
  yaml: { debian: "python3-yaml", body: "import yaml\nprint(yaml.safe_load('a: [1]'))" },
  lxml: { debian: "python3-lxml", body: "import lxml.html\nprint(lxml.html.fromstring('<p>a').text)" },
  pil: { debian: "python3-pil", body: "from PIL import Image\nprint(Image.new('L', (2, 2), 5).tobytes())" },
  docutils: {
    debian: "python3-docutils",
    body: "import docutils.core\nprint(len(docutils.core.publish_string('*a*', writer_name='html')) > 99)",
  },
};

const PERL: Readonly<Record<string, PackageRow>> = {
  json: { debian: "libjson-perl", body: "use JSON; print JSON->new->canonical->encode({ a => [1] });" },
  lwp: {
    debian: "libwww-perl",
    body:
      "use LWP::UserAgent; use HTTP::Request; print LWP::UserAgent->new->agent, HTTP::Request->new(GET => 'http://a/')->as_string;",
  },
  template: { debian: "libtemplate-perl", body: "use Template; Template->new->process(\\'a [% x %]', { x => 5 });" },
  dbi: {
    debian: "libdbd-sqlite3-perl",
    body: "use DBI; my $d = DBI->connect('dbi:SQLite:dbname=:memory:'); print $d->selectrow_array('select 5');",
  },
  datetime: {
    debian: "libdatetime-perl",
    body:
      "use DateTime; print DateTime->from_epoch(epoch => 0)->iso8601, DateTime->now(time_zone => 'local')->time_zone->name;",
  },
  mojolicious: {
    debian: "libmojolicious-perl",
    body:
      "use Mojo::DOM; use Mojo::Template; print Mojo::DOM->new('<p>a</p>')->at('p')->text, Mojo::Template->new->render('<%= 1 + 1 %>');",
  },
  dancer: { debian: "libdancer2-perl", body: "use Dancer2; print app->name, setting('charset');" },
  xml_simple: { debian: "libxml-simple-perl", body: "use XML::Simple; print XMLin('<a><b>5</b></a>')->{b};" },
  moose: {
    debian: "libmoose-perl",
    body: "package P; use Moose; has x => (is => 'rw'); package main; print P->new(x => 5)->x;",
  },
  cgi: { debian: "libcgi-pm-perl", body: "use CGI qw(:standard); print param('a') // 'none', h1('x');" },
  storable: {
    debian: null,
    body:
      "use Storable qw(freeze thaw); use Digest::SHA 'sha1_hex'; use MIME::Base64; print thaw(freeze([5]))->[0], sha1_hex('a'), encode_base64('a');",
  },
};

function casesOf(): readonly WarmCase[] {
  const python = Object.entries(PYTHON).map(([name, { body }]) => ({
    name: `module-${name.replaceAll("_", "-")}.py`,
    source: `#!/usr/bin/python3\n${name === "wsgiref" ? "" : 'print("Content-Type: text/plain\\n")'}\n${body}\n`,
  }));
  const perl = Object.entries(PERL).map(([name, { body }]) => ({
    name: `module-${name.replaceAll("_", "-")}.pl`,
    source: `#!/usr/bin/perl\nuse strict; use warnings;\nprint "Content-Type: text/plain\\n\\n";\n${body}\n`,
  }));
  return [...python, ...perl];
}

const packages = [...Object.values(PYTHON), ...Object.values(PERL)].flatMap(({ debian }) => debian ?? []);

Deno.test("modules of Debian's packages do the same in warm programs as in plain ones", async (t) => {
  const { code, stderr } = await run("dpkg-query", ["-W", ...packages]);
  if (code !== 0) throw new Error(`Install them first: apt-get install ${packages.join(" ")}\n${stderr}`);
  const log = await compareScripts(t, { cases: casesOf(), beside: {} });
  for (const [name, { left, least = 0 }] of Object.entries(PYTHON)) {
    const counts = [...log.matchAll(new RegExp(`/module-${name}\\.py": zygote \\d+ has imported (\\d+)`, "g"))];
    await t.step(`${name} is warm with at least ${least} modules`, () => {
      if (Number(counts.at(-1)?.[1] ?? -1) < least && !name.includes("_")) {
        throw new Error(`${counts.map(([line]) => line)}`);
      }
    });
    if (left === undefined) continue;
    await t.step(`a module of ${name} is imported for each request`, () => {
      const lines = log.split("\n").filter((line) =>
        line.includes(`module-${name}.py": "`) && line.includes("is imported for each request")
      );
      if (!lines.some((line) => line.includes(left))) {
        throw new Error(`None is left out because it ${left}:\n${lines.join("\n")}`);
      }
    });
  }
});
