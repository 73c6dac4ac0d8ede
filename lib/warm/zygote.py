"""What a Python interpreter runs in place of a CGI script, to answer that script's requests by fork(2): see zygote.ts.

It comes on standard input. Descriptor 3 is one end of a SEQPACKET pair. What the server says, in fields that end with NUL:
  load LINE...                      what to import, in order: P path..., E name value, M module file, L module file that is
                                    not to be asked for, though others may (0x1f between)
  go SCRIPT CPU                     import it and say "ready"; CPU: seconds for each child, or nothing
  run ID INPUT FOLDER N WORD... VARIABLE...   with two or three descriptors: (input), output, errors
What it says: ready IMPORTED MS SKIPPED | refuse REASON | leave MODULE REASON | stale REASON | started ID PID | no ID REASON |
ended PID STATUS | learned LINE...
The end of the connection is its own end.
"""


def _lisod_zygote():
    import sys

    baseline = set(sys.modules)
    import os

    if sys.version_info < (3, 8):
        os.write(3, b"refuse\0Python %d.%d is older than 3.8" % sys.version_info[:2])
        os._exit(0)
    import _frozen_importlib as importing
    import _io
    import _signal
    import _socket
    import atexit
    import builtins
    import gc
    import select
    import time

    own_imports = set(sys.modules) - baseline
    module_type = type(sys)
    MOST_NOTES = 1 << 20
    MOST_PART = 30000
    MOST_BYTES = 1 << 18
    separator = "\x1f"
    libraries = ("/site-packages/", "/dist-packages/")
    control = _socket.socket(fileno=3)
    os.set_inheritable(3, False)

    def say(*fields):
        control.send(b"\0".join([f if isinstance(f, bytes) else os.fsencode(str(f)) for f in fields]))

    def refuse(reason):
        say("refuse", reason)
        os._exit(0)

    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    lines = []
    while True:
        kind, *fields = control.recv(1 << 18).split(b"\0")
        if kind == b"load":
            lines += [os.fsdecode(field).split(separator) for field in fields]
        elif kind == b"go":
            break
        else:
            os._exit(0)
    script, cpu = [os.fsdecode(field) for field in fields]
    command = sys.orig_argv[:-1] if hasattr(sys, "orig_argv") else []

    real_folder = os.path.dirname(os.path.realpath(script))
    folders = {real_folder, os.path.dirname(script)}
    own_prefixes = tuple(folder.rstrip("/") + "/" for folder in folders)

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

    # As Python does with a script.
    if sys.path and sys.path[0] == "":
        sys.path[0] = real_folder
    first_path = list(sys.path)
    sys.argv[:] = [script]
    own_main = sys.modules["__main__"]

    def make_main():
        main = module_type("__main__")
        main.__dict__.update(
            __loader__=importing_file.SourceFileLoader("__main__", script),
            __annotations__={},
            __builtins__=builtins,
            __file__=script,
            __cached__=None,
        )
        sys.modules["__main__"] = main
        return main

    importing_file = sys.modules["_frozen_importlib_external"]
    make_main()

    # What is loaded, and what would make another process of it, is looked at again before requests.
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

    def is_library_folder(folder):
        roots = (sys.prefix, sys.base_prefix, sys.exec_prefix)
        inside = any(folder.startswith(root + "/lib") for root in roots)
        return inside or folder.endswith((libraries[0][:-1], libraries[1][:-1]))

    learned = {line[1]: line[2] for line in lines if line[0] == "M"}
    learned_origins = {line[2] for line in lines if line[0] in ("M", "L")}
    names = set(first_path)
    for line in lines:
        if line[0] == "P":
            names.update(line[1:])
    watched = {sys.executable, os.path.realpath(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg"), script}
    watched.update(learned_origins)
    watched.update(path for path in map(origin_of, list(sys.modules.values())) if path is not None)
    data_folders = {}
    for name in names:
        if is_library_folder(name) or name.endswith(".zip"):
            watched.add(name)
        else:
            data_folders[name] = [stamp(name), importable(name)]
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
    recording = [False]
    turns = []  # (the modules that there were, line)
    last_path = [first_path]
    constants = set()
    # Whether there may be something that is written when the process ends.
    has_writers = [False]
    writing = frozenset("wax+")

    def find_constants(code):
        for constant in code.co_consts:
            if isinstance(constant, type(code)):
                find_constants(constant)
            elif isinstance(constant, (str, tuple)):
                constants.update([constant] if isinstance(constant, str) else [c for c in constant if isinstance(c, str)])

    def caller():
        frame = sys._getframe(2)
        while frame is not None and os.path.basename(frame.f_code.co_filename) in ambient_files:
            frame = frame.f_back
        return "" if frame is None else frame.f_code.co_filename

    ambient_files = ("os.py", "<frozen os>", "_collections_abc.py", "<frozen _collections_abc>")

    def present():
        """The modules that are imported, and not those that are being imported."""
        return {n for n, m in sys.modules.items() if not getattr(getattr(m, "__spec__", None), "_initializing", False)}

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
        return set(os.listdir("/proc/self/fd"))

    # Importing. A module that does what the process would have to undo for each child is left out, and so each child's own.
    base = dict(os.environ._data)
    folder_before = os.getcwd()
    sink = os.memfd_create("lisod", os.MFD_CLOEXEC)
    real_out, real_err = os.dup(1), os.dup(2)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    before = descriptors()
    start = time.perf_counter()
    said = {}
    skipped = 0
    random_users = []
    # These take random numbers for what is made anew in each child, or names an attribute.
    renewed = ("multiprocessing/process.py", "billiard/process.py", "/random.py", "asgiref/local.py")
    watchers = []  # (module, name, function, what stands in its place)

    def watch(module, name):
        function = getattr(module, name)

        def watcher(*positional, **named):
            frame = sys._getframe(1)
            # A generator within a call is a frame of the same file.
            if not frame.f_code.co_filename.endswith(renewed):
                random_users.append(True)
            return function(*positional, **named)

        setattr(module, name, watcher)
        watchers.append((module, name, function, watcher))

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
        if random_users:
            return "it draws random numbers"
        if sys.path != expected:
            return "it changes sys.path"
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
        if "random" in learned and not is_own(learned["random"]) and load("random", learned["random"]):
            watch_random()
        for kind, *rest in lines:
            if kind == "P":
                sys.path[:] = expected = rest
            elif kind == "E":
                os.environ[rest[0]] = rest[1]
                said[os.fsencode(rest[0])] = os.fsencode(rest[1])
            elif kind == "M" and not load(*rest):
                skipped += 1
        unwatch()
        sys.path[:] = first_path
    os.dup2(real_out, 1)
    os.dup2(real_err, 2)
    for descriptor in (real_out, real_err, sink):
        os.close(descriptor)
    changed = find_change()
    if changed is not None:
        say("stale", changed)
        os._exit(0)

    # What modules have set in the environment, as they would in the script; what the script sets itself it sets again.
    environment = os.environ._data
    added = {k: v for k, v in environment.items() if base.get(k) != v and said.get(k) != v}
    removed = [k for k in base if k not in environment]
    moved = os.getcwd() != folder_before

    # The script itself, as bytes of code, for as long as it is the same file.
    code_stamp = code = None

    def read_script():
        with _io.open(script, "rb", 0) as file:
            info = os.fstat(file.fileno())
            return (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns), file.readall()

    class Listener:
        heard = False

        def write(self, text):
            self.heard = True

        def flush(self):
            pass

    try:
        code_stamp, source = read_script()
    except OSError as error:
        refuse("it cannot be read: %s" % error)
    if b"\0" in source:
        refuse("it is no text")
    listener, kept_errors = Listener(), sys.stderr
    sys.stderr = listener
    try:
        code = compile(source, script, "exec", 0, True)
    except Exception:
        refuse("it does not compile")
    finally:
        sys.stderr = kept_errors
    find_constants(code)
    if listener.heard:
        code = None
    del source

    if "random" in sys.modules:
        kinds = sys.modules["random"].Random
        safe = sys.modules["random"].SystemRandom
        generators = [o for o in gc.get_objects() if issubclass(type(o), kinds) and not issubclass(type(o), safe)]
    else:
        generators = []

    # Where children leave what they have learned: they have no descriptor of it, nor of anything else that is not theirs.
    notes = os.memfd_create("lisod", os.MFD_CLOEXEC)
    notes_path = "/proc/%d/fd/%d" % (os.getpid(), notes)
    zygote_pid = os.getpid()

    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    _signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    _signal.signal(_signal.SIGCHLD, lambda *_: None)

    def renew(main):
        """What Python makes anew in each process, and fork(2) has copied."""
        modules = sys.modules
        for generator in generators:
            generator.seed()
        try:
            if "numpy.random" in modules:
                modules["numpy.random"].seed()
            if "tempfile" in modules:
                modules["tempfile"].tempdir = None
            if "logging" in modules and isinstance(getattr(modules["logging"], "_startTime", None), float):
                modules["logging"]._startTime = time.time()
            if "__mp_main__" in modules:
                modules["__mp_main__"] = main
            for name in ("multiprocessing.process", "billiard.process"):
                if name in modules:
                    process = modules[name]
                    process.ORIGINAL_DIR = os.path.abspath(os.getcwd())
                    key = process.AuthenticationString(os.urandom(32))
                    process.current_process()._config["authkey"] = key
        except AttributeError:
            pass  # another version of it

    def make_stdin(old):
        """What can be done with standard input is asked once; in the zygote it is another."""
        binary = _io.open(0, "rb", -1, closefd=False)
        binary.raw.name = "<stdin>"
        stream = _io.TextIOWrapper(binary, old.encoding, old.errors, "\n", False, old.write_through)
        stream.mode = "r"
        return stream

    def set_environment(variables):
        data = os.environ._data
        for name in list(data):
            os.unsetenv(name)
        data.clear()
        for variable in variables:
            name, _, value = variable.partition(b"=")
            os.putenv(name, value)
            data[name] = value
        for name in removed:
            if name in data:
                os.unsetenv(name)
                del data[name]
        for name, value in added.items():
            os.putenv(name, value)
            data[name] = value

    def complain(text):
        stream = sys.stderr
        if stream is not None:
            try:
                stream.write(text)
            except Exception:
                pass

    def exit_status(value):
        """As _Py_HandleSystemExit has it."""
        if value is None:
            return 0
        if isinstance(value, int):
            return value if -(1 << 63) <= value < 1 << 63 else -1
        complain(str(value) + "\n")
        return 1

    def report(error):
        """Tells of an exception that nobody caught; the exit status."""
        traceback = error.__traceback__
        error.__traceback__ = traceback = traceback.tb_next if traceback is not None else None
        if isinstance(error, SystemExit):
            return exit_status(error.code)
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, traceback
        hook = getattr(sys, "excepthook", None)
        if hook is None:
            complain("sys.excepthook is missing\n")
            sys.__excepthook__(type(error), error, traceback)
        else:
            try:
                hook(type(error), error, traceback)
            except SystemExit as exit:
                return exit_status(exit.code)
            except BaseException as second:
                second.__traceback__ = second.__traceback__.tb_next
                if second.__context__ is error:
                    second.__context__ = None
                complain("Error in sys.excepthook:\n")
                sys.__excepthook__(type(second), second, second.__traceback__)
                complain("\nOriginal exception was:\n")
                sys.__excepthook__(type(error), error, traceback)
        return -2 if isinstance(error, KeyboardInterrupt) else 1

    told_at = [0]

    def tell_learned(known):
        """Once: also a script that ends by os._exit() may have called what is to be called at the exit."""
        if told_at[0] == os.getpid() or os.getppid() != zygote_pid:
            return
        told_at[0] = os.getpid()
        if sys.modules.keys() <= known:
            return
        fresh = [["P", *map(str, first_path)]]
        index = 0
        for name, module in list(sys.modules.items()):
            if name in known or name == "__main__":
                continue
            while index < len(turns) and name not in turns[index][0]:
                fresh.append(turns[index][1])
                index += 1
            if fresh[-1] == ["stop"]:
                break
            origin = origin_of(module)
            if origin is None or is_own(origin) or module.__spec__.name != name or not os.path.exists(origin):
                continue
            fresh.append(["M", name, origin])
        if not any(line[0] == "M" for line in fresh):
            return
        if ["stop"] in fresh:
            del fresh[fresh.index(["stop"]) :]
        texts = [separator.join(line) for line in fresh if not any(separator in text or "\0" in text for text in line)]
        try:
            descriptor = os.open(notes_path, os.O_WRONLY | os.O_APPEND)
        except OSError:
            return  # it has another user, or another root, by now
        os.write(descriptor, os.fsencode("\0".join(texts) + "\0"))
        os.close(descriptor)

    def pass_notes():
        size = os.fstat(notes).st_size
        if size == 0:
            return
        texts = os.pread(notes, min(size, MOST_NOTES), 0).split(b"\0")[:-1]
        os.ftruncate(notes, 0)
        # Each part says what sys.path was.
        path, part, length = b"", [], 0
        for text in texts:
            if text.startswith(b"P"):
                path = text
            if length + len(text) > MOST_PART:
                say("learned", *part)
                part, length = [path], len(path)
            part.append(text)
            length += len(text) + 1
        say("learned", *part)

    def flush(stream, is_told=True):
        """False, with a word, where it cannot be done, as flush_std_files() has it."""
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException as error:
            if is_told and stream is sys.stdout:
                complain("Exception ignored in: %r\n%s: %s\n" % (stream, type(error).__name__, error))
            return False
        return True

    def flush_writers():
        """Files that the script has not closed must not lose their end."""
        writers = (_io.BufferedWriter, _io.BufferedRandom, _io.TextIOWrapper)
        standard = (sys.stdout, sys.stderr, sys.stdin)
        texts, binaries = [], []
        for thing in gc.get_objects():
            if issubclass(type(thing), writers) and not any(thing is each for each in standard):
                (texts if issubclass(type(thing), _io.TextIOWrapper) else binaries).append(thing)
        for thing in texts + binaries:
            try:
                if not thing.closed:
                    thing.flush()
            except Exception:
                pass

    def finish(status, known):
        """What Py_FinalizeEx() does that can be seen from outside, without taking the whole interpreter apart."""
        threading = sys.modules.get("threading")
        if threading is not None:
            try:
                threading._shutdown()
            except BaseException as error:
                complain("Exception ignored in: %r\n" % threading)
                sys.__excepthook__(type(error), error, error.__traceback__)
        atexit._run_exitfuncs()
        is_flushed = flush(sys.stdout) & flush(sys.stderr)
        if has_writers[0]:
            flush_writers()
        sys.last_type = sys.last_value = sys.last_traceback = None
        # The script's modules go while all others are there, so that what they still have to do can be done.
        for name in [name for name in sys.modules if name not in known] + ["__main__", "__mp_main__"]:
            origin = origin_of(sys.modules.get(name))
            if name in ("__main__", "__mp_main__") or (origin is not None and is_own(origin)):
                sys.modules.pop(name, None)
        gc.collect()
        if not flush(sys.stdout, False) & flush(sys.stderr, False) & is_flushed:
            status = 120
        return status

    def run_script():
        recording[0] = True
        known = set(sys.modules)
        atexit.register(tell_learned, known)
        main = sys.modules["__main__"]
        status = 0
        try:
            use = code if code is not None and stamp(script) == code_stamp else None
            if use is None:
                use = compile(read_script()[1], script, "exec", 0, True)
                find_constants(use)
            exec(use, main.__dict__)
        except BaseException as error:
            status = report(error)
        main = use = None
        status = finish(status, known)
        if status == -2:
            _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
            os.kill(os.getpid(), _signal.SIGINT)
        os._exit(status & 0xFF)

    def be_child(size, given):
        os.setsid()
        _signal.set_wakeup_fd(-1)
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        for descriptor in (wake_read, wake_write, notes):
            os.close(descriptor)
        _, number, has_input, folder, count, *rest = bytes(request[:size]).split(b"\0")
        words, variables = rest[: int(count)], rest[int(count) :]
        if not moved:
            os.chdir(folder)
        if has_input != b"1":
            given.insert(0, os.open("/dev/null", os.O_RDONLY))
        for target, descriptor in enumerate(given):
            os.dup2(descriptor, target)
        for descriptor in given:
            os.close(descriptor)
        if sys.stdin is sys.__stdin__ and sys.stdin is not None:
            sys.stdin = sys.__stdin__ = make_stdin(sys.stdin)
        set_environment(variables)
        time.tzset()
        if cpu:
            import resource

            resource.setrlimit(resource.RLIMIT_CPU, (int(cpu), int(cpu)))
        sys.argv[:] = [os.fsdecode(word) for word in words]
        if hasattr(sys, "orig_argv"):
            sys.orig_argv[:] = command + sys.argv
        renew(make_main())
        say("started", number, os.getpid())
        control.close()

    # What a client sent stays in no memory that the next child gets.
    request = bytearray(MOST_BYTES)

    def read_request():
        size, ancillary, flags, _ = control.recvmsg_into([request], 64, _socket.MSG_CMSG_CLOEXEC)
        given = []
        for level, kind, content in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                given += [int.from_bytes(content[i : i + 4], sys.byteorder) for i in range(0, len(content) // 4 * 4, 4)]
        return size, given, flags

    def answer(size, given, flags):
        """True in the child."""
        nonlocal looked
        _, number, has_input, _ = bytes(request[:17]).split(b"\0")
        if flags & (_socket.MSG_CTRUNC | _socket.MSG_TRUNC) or len(given) != (3 if has_input == b"1" else 2):
            return say("no", number, "it has no descriptors left")
        now = time.monotonic()
        if now - looked > 1:
            changed = find_change()
            if changed is not None:
                say("stale", changed)
                return say("no", number, "stale")
            looked = now
        try:
            pid = os.fork()
        except OSError as error:
            return say("no", number, error)
        if pid != 0:
            return False
        try:
            be_child(size, given)
        except BaseException as error:
            say("no", number, error)
            os._exit(1)
        return True

    def serve():
        poll = select.poll()
        poll.register(3, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == wake_read:
                    reap()
                else:
                    size, given, flags = read_request()
                    if size == 0:
                        os._exit(0)
                    if answer(size, given, flags):
                        return
                    request[:size] = bytes(size)
                    for each in given:
                        os.close(each)

    def reap():
        try:
            os.read(wake_read, 4096)
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                pass_notes()
                say("ended", pid, status)
        except (BlockingIOError, ChildProcessError):
            pass

    looked = time.monotonic()
    took = int((time.perf_counter() - start) * 1000)
    say("ready", len(sys.modules) - len(baseline | own_imports), took, skipped)
    gc.collect()
    gc.freeze()
    try:
        serve()
    except BaseException:
        # The server is gone, or signals came that end a program.
        os._exit(1)
    run_script()


_lisod_zygote()
