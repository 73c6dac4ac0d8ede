"""What a zygote of Python (zygote.py) imports before requests come, and whether it may fork after that.

Separate from what its children do. A module that does what the process would have to undo for each child is left out, and so
each child's own. What is loaded, and what would make another process of it, is looked at again before requests.
"""


def _lisod_import(zygote):
    """Imports the lines of the zygote; how many it has left out. Does not return where there can be none."""
    import _frozen_importlib as importing
    import _signal
    import gc
    import os
    import sys

    importing_file = sys.modules["_frozen_importlib_external"]
    script, lines, say = zygote.script, zygote.lines, zygote.say
    libraries = ("/site-packages/", "/dist-packages/")
    folders = {os.path.dirname(os.path.realpath(script)), os.path.dirname(script)}
    own_prefixes = tuple(folder.rstrip("/") + "/" for folder in folders)
    first_path = zygote.first_path = list(sys.path)

    def is_own(path):
        """Whether a file is the script's or of its folder, and no library that was installed there."""
        return path.startswith(own_prefixes) and not any(part in path for part in libraries)

    def place_of(spec):
        """The file of a module, or the folder, with a slash, of a package that has none; None for those of the interpreter."""
        origin = getattr(spec, "origin", None)
        if getattr(spec, "has_location", False):
            return origin if isinstance(origin, str) else None
        folders = getattr(spec, "submodule_search_locations", None)
        return list(folders)[0] + "/" if origin is None and folders else None

    def origin_of(module):
        return place_of(getattr(module, "__spec__", None))

    def stamp(path):
        try:
            info = os.stat(path)
        except OSError:
            return None
        return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns

    def importable(folder):
        """What can be imported from a folder that has data as well, by its names."""
        try:
            with os.scandir(folder) as entries:
                return {
                    entry.name
                    for entry in entries
                    if entry.name.endswith((".py", ".so", ".pyc"))
                    or ("." not in entry.name and entry.name != "__pycache__" and entry.is_dir())
                }
        except OSError:
            return None

    def paths_of(folder):
        """The files of a folder of libraries that add others to sys.path."""
        try:
            return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".pth")]
        except OSError:
            return []

    def is_library_folder(folder):
        roots = (sys.prefix, sys.base_prefix, sys.exec_prefix)
        inside = any(folder.startswith(root + "/lib") for root in roots)
        return inside or folder.endswith((libraries[0][:-1], libraries[1][:-1]))

    zygote.is_own, zygote.origin_of, zygote.stamp = is_own, origin_of, stamp
    learned = {line[1]: line[2] for line in lines if line[0] == "M"}
    learned_origins = {line[2] for line in lines if line[0] in ("M", "L")}
    names = set(first_path)
    for line in lines:
        if line[0] == "P":
            names.update(line[1:])
    watched = {sys.executable, os.path.realpath(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg"), script}
    watched.update(line[2] for line in lines if line[0] in ("M", "L", "C"))
    watched.update(path for path in map(origin_of, list(sys.modules.values())) if path is not None)
    # What a package tries to import, and has not, may come later.
    growing = {os.path.dirname(path) for path in watched if path.endswith("/__init__.py")}
    for name in names:
        if is_library_folder(name) or name.endswith(".zip"):
            watched.add(name)
            watched.update(paths_of(name))
        else:
            growing.add(name)
    data_folders = {name: [stamp(name), importable(name)] for name in growing}
    stamps = {path: stamp(path) for path in watched}

    def find_change():
        for path, known in stamps.items():
            if stamp(path) != known:
                return path
        for folder, known in data_folders.items():
            now = stamp(folder)
            if now != known[0]:
                if importable(folder) != known[1]:
                    return folder
                known[0] = now
        return None

    # What a script does to sys.path and its environment before it imports something is told by events, which it cannot see.
    recording = zygote.recording = [False]
    turns = zygote.turns = []  # (the new modules that there were, line)
    last_path = [first_path]
    constants = set()
    # Whether there may be something that is written when the process ends.
    has_writers = zygote.has_writers = [False]
    writing = frozenset("wax+")

    def find_constants(code):
        for constant in code.co_consts:
            if isinstance(constant, type(code)):
                find_constants(constant)
            elif isinstance(constant, (str, tuple)):
                constants.update([constant] if isinstance(constant, str) else [c for c in constant if isinstance(c, str)])

    zygote.find_change, zygote.find_constants = find_change, find_constants

    def caller():
        frame = sys._getframe(2)
        while frame is not None and os.path.basename(frame.f_code.co_filename) in ambient_files:
            frame = frame.f_back
        return "" if frame is None else frame.f_code.co_filename

    ambient_files = ("os.py", "<frozen os>", "_collections_abc.py", "<frozen _collections_abc>")

    def present():
        """The new modules that are imported, and not those that are being imported."""
        modules = sys.modules
        names = zygote.find_new()
        return {n for n in names if not getattr(getattr(modules.get(n), "__spec__", None), "_initializing", False)}

    def hear(event, arguments):
        if not recording[0]:
            return
        if event == "open":
            mode, flags = arguments[1], arguments[2]
            if mode is None and flags & 3 or mode is not None and not writing.isdisjoint(mode):
                has_writers[0] = True
            return
        if event == "socket.__new__":
            has_writers[0] = True
        elif event == "import":
            if sys.path != last_path[0]:
                last_path[0] = list(sys.path)
                turns.append((present(), ["P", *map(str, sys.path)]))
        elif event == "os.putenv":
            if is_own(caller()):
                name, value = (os.fsdecode(text) for text in arguments)
                is_constant = name in constants and value in constants
                turns.append((present(), ["E", name, value] if is_constant else ["stop"]))
        elif event == "os.unsetenv" and is_own(caller()):
            turns.append((present(), ["stop"]))

    sys.addaudithook(hear)

    def descriptors():
        found = {}
        for name in os.listdir("/proc/self/fd"):
            try:
                found[name] = os.readlink("/proc/self/fd/" + name)
            except OSError:
                found[name] = None
        return found

    def signals():
        """Which the system ignores, and which have handlers; and the one that Python has from the start."""
        with open("/proc/self/status", "rb") as status:
            lines = [line for line in status if line.startswith((b"SigIgn", b"SigCgt"))]
        return lines, _signal.getsignal(_signal.SIGINT)

    # What was asked for that is another in each child.
    asked = set()
    # These ask for what is made anew in each child, or names an attribute.
    renewed = ("multiprocessing/process.py", "billiard/process.py", "asgiref/local.py")
    watchers = []  # (module, name, function, what stands in its place)

    def replace(module, name, watcher):
        watchers.append((module, name, getattr(module, name), watcher))
        setattr(module, name, watcher)

    def watch(module, name, what="it draws random numbers"):
        function = getattr(module, name)

        def watcher(*positional, **named):
            # Who asks is who calls the functions of random.py, and those of the system through it (secrets).
            frame = sys._getframe(1)
            while frame is not None and frame.f_code.co_filename.endswith(("/random.py", watcher.__code__.co_filename)):
                frame = frame.f_back
            if frame is None or not frame.f_code.co_filename.endswith(renewed):
                asked.add(what)
            return function(*positional, **named)

        replace(module, name, watcher)

    def watch_random():
        random = sys.modules["random"]
        for name in random.__all__:
            if getattr(getattr(random, name), "__self__", None) is random._inst and name not in ("seed", "getstate", "setstate"):
                watch(random, name)

    def unwatch():
        kept = {watcher: function for _, _, function, watcher in watchers}
        for module in list(sys.modules.values()):
            names = getattr(module, "__dict__", None)
            if isinstance(names, dict):
                for name, value in list(names.items()):
                    if type(value) is type(unwatch) and value in kept:
                        names[name] = kept[value]

    # What modules want done when there is a fork is done here, and in the children given to the interpreter for their own forks.
    # Those of threading and logging, half of what a fork of a large program cost, make new what other threads could have held.
    registrations = []
    register_at_fork = os.register_at_fork
    without_threads = ("threading", "logging")

    def keep_registration(**named):
        if not named or not all(map(callable, named.values())) or named.keys() - {"before", "after_in_child", "after_in_parent"}:
            return register_at_fork(**named)  # which complains
        registrations.append(named)

    def prepare_fork():
        def handlers(kind):
            wanted = [named[kind] for named in registrations if kind in named]
            return [each for each in wanted if getattr(each, "__module__", None) not in without_threads]

        befores, in_child, in_parent = handlers("before")[::-1], handlers("after_in_child"), handlers("after_in_parent")
        zygote.seeded = [getattr(each, "__self__", None) for each in in_child]

        def call(handlers):
            for each in handlers:
                try:
                    each()
                except BaseException as error:
                    sys.excepthook(type(error), error, error.__traceback__)

        def fork():
            call(befores)
            try:
                pid = os.fork()
            except OSError:
                call(in_parent)
                raise
            call(in_parent if pid else in_child)
            if not pid:
                for named in registrations:
                    register_at_fork(**named)
            return pid

        zygote.fork = fork

    base = dict(os.environ._data)
    folder_before = os.getcwd()
    sink = os.memfd_create("lisod", os.MFD_CLOEXEC)
    real_out, real_err = os.dup(1), os.dup(2)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    before, first_signals, first_arguments = descriptors(), signals(), list(sys.argv)
    said, skipped = {}, 0

    def leave(name, reason):
        say("leave", name, reason)
        os._exit(0)

    def find_fault(known):
        """What is wrong with what was imported since there were the modules `known`."""
        task_count = len(os.listdir("/proc/self/task"))
        if task_count > 1:
            return "it starts %d threads" % (task_count - 1)
        if descriptors() != before:
            return "it opens or closes descriptors"
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        if os.fstat(sink).st_size > 0:
            return "it writes to standard output or error"
        if asked:
            return asked.pop()
        if sys.path != expected:
            return "it changes sys.path"
        if sys.argv != first_arguments:
            return "it changes sys.argv"
        if signals() != first_signals:
            return "it changes what becomes of signals"
        for each in set(sys.modules) - known:
            origin = origin_of(sys.modules[each])
            if origin is None:
                continue
            if is_own(origin):
                return 'it imports "%s" of the script\'s folder' % each
            # Some are known by another name than they were asked for by.
            if origin not in learned_origins:
                return 'it imports "%s" where the script does not' % each
        try:
            os.waitpid(-1, os.WNOHANG)
            return "it leaves a process"
        except ChildProcessError:
            return None

    def load(name, origin):
        """Imports a module if it is the one that the script had; False where it is not."""
        if name in sys.modules:
            return True
        parent = name.rpartition(".")[0]
        if parent and parent not in sys.modules and not (parent in learned and load(parent, learned[parent])):
            return False
        if name in sys.modules:
            return True
        known = set(sys.modules)
        try:
            path = sys.modules[parent].__path__ if parent else None
            if place_of(importing._find_spec(name, path)) != origin:
                return False
            importing._gcd_import(name)
            is_loaded = True
        except BaseException:
            is_loaded = False
        fault = find_fault(known)
        if fault is not None:
            leave(name, fault)
        return is_loaded

    expected = first_path
    if lines:
        watch(os, "urandom")
        watch(os, "getpid", "it asks for its process id")
        for module in (os, sys.modules["posix"]):
            replace(module, "register_at_fork", keep_registration)
        if "random" in learned and not is_own(learned["random"]) and load("random", learned["random"]):
            watch_random()
        if "ssl" in learned and not is_own(learned["ssl"]) and load("ssl", learned["ssl"]):
            watch(sys.modules["ssl"], "RAND_bytes")
        for kind, *rest in lines:
            if kind == "P":
                sys.path[:] = expected = rest
            elif kind == "E":
                os.environ[rest[0]] = rest[1]
                said[os.fsencode(rest[0])] = os.fsencode(rest[1])
            elif kind == "M" and not load(*rest):
                skipped += 1
        fault = _lisod_rehearse(learned, find_fault)
        if fault is not None:
            leave("flask", fault)
        unwatch()
        sys.path[:] = first_path
    os.dup2(real_out, 1)
    os.dup2(real_err, 2)
    for descriptor in (real_out, real_err, sink):
        os.close(descriptor)

    # Modules of the script's folder run in its children alone; their code is read here.
    codes = zygote.codes = {}
    source_loader = importing_file.SourceFileLoader

    def read_codes():
        writes_none = sys.dont_write_bytecode
        sys.dont_write_bytecode = True
        for name, path in [line[1:] for line in lines if line[0] == "C"]:
            try:
                codes[path] = stamps[path], source_loader(name, path).get_code(name)
            except Exception:
                codes[path] = None, None  # as its import will say
        sys.dont_write_bytecode = writes_none

    read_codes()
    prepare_fork()
    changed = find_change()
    if changed is not None:
        say("stale", changed)
        os._exit(0)

    # What modules have set in the environment, as they would in the script; what the script sets itself it sets again.
    environment = os.environ._data
    zygote.added = {k: v for k, v in environment.items() if base.get(k) != v and said.get(k) != v}
    zygote.removed = [k for k in base if k not in environment]
    zygote.has_moved = os.getcwd() != folder_before
    zygote.base = [name + b"=" + value for name, value in base.items()]
    zygote.generators = []
    if "random" in sys.modules:
        kinds = sys.modules["random"].Random
        safe = sys.modules["random"].SystemRandom
        found = [o for o in gc.get_objects() if issubclass(type(o), kinds) and not issubclass(type(o), safe)]
        zygote.generators = [each for each in found if not any(each is seeded for seeded in zygote.seeded)]
    return skipped
