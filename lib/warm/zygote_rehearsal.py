"""What a zygote of Python (zygote.py) has done by a library once, so that no child finds it undone: Flask's first application.

An application's first rules and first request fill caches of typing and of re, and have Python adapt the bytecode that they run;
a script that makes its application for each request, as a CGI program does, would do so in each child, and have pages of memory
copied for it: a quarter of a child's time. Separate, because here alone something of a library is run that is not its import.

It is made by the library's public functions, of no request that somebody has sent. There is none where somebody else would see
it: where a signal of Flask has receivers, where a class that takes part is not as Flask and Werkzeug have it, or where calls are
watched. And it is tried in a process of its own first, for some time: where it fails there, or leaves behind what an import may
not, there is none either.
"""


def _lisod_rehearse(names, find_fault):
    """Rehearses Flask where it is among the modules with these names. What is wrong with it afterwards, or None."""
    import _io
    import _signal
    import os
    import sys

    # As often as Python runs bytecode before it has adapted it, and some more.
    TURNS = 16
    MOST_TRIAL_SECONDS = 2

    def ask(flask):
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

    def folder_of(name):
        file = getattr(sys.modules.get(name), "__file__", None)
        return os.path.dirname(file) + "/" if file else None

    def functions_of(kind):
        for value in vars(kind).values():
            for each in (value, getattr(value, "__func__", None), getattr(value, "fget", None), getattr(value, "fset", None)):
                if hasattr(each, "__code__"):
                    yield each

    def is_observed(flask):
        """Whether somebody else would be told of an application or a request."""
        signals = vars(sys.modules["flask.signals"]) if "flask.signals" in sys.modules else {}
        if sys.getprofile() is not None or sys.gettrace() is not None:
            return True
        if any(getattr(each, "receivers", None) for each in signals.values()):
            return True
        context, routing = sys.modules.get("flask.ctx"), sys.modules.get("werkzeug.routing")
        taking_part = [getattr(flask, name, None) for name in ("Flask", "Request", "Response")]
        taking_part += [getattr(context, name, None) for name in ("AppContext", "RequestContext")]
        taking_part += [getattr(routing, name, None) for name in ("Map", "Rule", "MapAdapter")]
        kinds = {each for kind in taking_part if isinstance(kind, type) for each in kind.__mro__}
        own = tuple(folder for folder in map(folder_of, ("flask", "werkzeug")) if folder is not None)
        standard = folder_of("os")

        def is_theirs(file):
            """Also what the standard library has of their bases, or makes of texts: such code has a name in angle brackets."""
            if file.startswith(("<", *own)):
                return True
            return standard is not None and file.startswith(standard) and "-packages/" not in file

        for kind in kinds:
            for function in functions_of(kind):
                # What wraps a function may say that it has its code.
                if type(function) is not type(is_observed) or not is_theirs(function.__code__.co_filename):
                    return True
        return False

    def state():
        return set(sys.modules), dict(os.environ._data), os.getcwd()

    def try_out(library):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
                _signal.alarm(MOST_TRIAL_SECONDS)
                before = state()
                ask(library)
                if state() == before and find_fault(before[0]) is None:
                    status = 0
            finally:
                os._exit(status)
        return os.waitpid(pid, 0)[1] == 0

    library = sys.modules.get("flask")
    if library is None or "flask" not in names:
        return None
    known = set(sys.modules)
    try:
        if is_observed(library) or not try_out(library):
            return None
        for _ in range(TURNS):
            ask(library)
    except Exception:
        pass  # as if it were not there; what it may have left is looked for
    return find_fault(known)
