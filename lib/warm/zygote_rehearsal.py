"""What a zygote of Python (zygote.py) has done by a library once, so that no child finds it undone: Flask's first application.

An application's first rules and first request fill caches of typing and of re, and have Python adapt the bytecode that they run;
a script that makes its application for each request, as a CGI program does, would do so in each child, and have pages of memory
copied for it: a quarter of a child's time. Separate, because here alone something of a library is run that is not its import.
It is made by the library's public functions, of nothing that a request has, and it is tried in a process of its own first: where
it fails, or leaves anything behind that import may not, there is none.
"""


def _lisod_rehearse(names, find_fault):
    """Rehearses what it knows among the modules with these names. What is wrong with it afterwards, with whose name; or None."""
    import _io
    import os
    import sys

    # As often as Python runs bytecode before it has adapted it, and some more.
    TURNS = 16

    def ask_flask(flask):
        # By this name it finds its folder; it looks for none of the script.
        application = flask.Flask("flask")
        application.add_url_rule("/", "page", lambda: "page")
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": _io.BytesIO(),
            "wsgi.errors": _io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": True,
        }
        answer = application(environ, lambda status, fields, failure=None: None)
        if b"".join(answer) != b"page":
            raise ValueError("no page")
        answer.close()

    def state():
        return set(sys.modules), dict(os.environ._data), os.getcwd()

    def try_out(ask, library):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                before = state()
                ask(library)
                if state() == before and find_fault(before[0]) is None:
                    status = 0
            finally:
                os._exit(status)
        return os.waitpid(pid, 0)[1] == 0

    for name, ask in (("flask", ask_flask),):
        library = sys.modules.get(name)
        if library is None or name not in names:
            continue
        known = set(sys.modules)
        try:
            if not try_out(ask, library):
                continue
            for _ in range(TURNS):
                ask(library)
        except Exception:
            pass  # as if it were not there; what it may have left is looked for
        fault = find_fault(known)
        if fault is not None:
            return name, fault
    return None
