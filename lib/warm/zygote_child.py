"""What a child of a zygote of Python (zygote.py) does: how it becomes the process of a request, what it tells of its imports, how
it ends.

Separate from the zygote, which does none of it but to rehearse. A child pays for each page of memory that it is the first to
touch as much as for a hundred lines: so what can be made in the zygote is made there, and nothing here looks at all modules.
"""


def _lisod_child(zygote):
    """Two functions for the child: one to become the process of a request, and one to run the script, which does not return."""
    import _io
    import _signal
    import atexit
    import gc
    import os
    import sys
    import time

    script, is_own, origin_of = zygote.script, zygote.is_own, zygote.origin_of
    recording, turns, has_writers = zygote.recording, zygote.turns, zygote.has_writers
    generators, added, removed = zygote.generators, zygote.added, zygote.removed
    make_main, find_constants = zygote.make_main, zygote.find_constants
    command = sys.orig_argv[:-1] if hasattr(sys, "orig_argv") else None
    known_modules = sys.modules

    def find_new():
        """The names of the modules that the zygote has not. New ones stand last, so that most names need not be looked at."""
        modules = sys.modules
        if type(modules) is dict:
            names = []
            for name in reversed(modules):
                if name is last_known:
                    break
                names.append(name)
            if len(names) + known_count == len(modules):
                return names[::-1]
        return [name for name in modules if name not in known]

    zygote.find_new = find_new

    def renew(main):
        """What Python makes anew in each process, and fork(2) has copied."""
        modules = known_modules
        for generator in generators:
            generator.seed()
        try:
            if "numpy.random" in modules:
                modules["numpy.random"].seed()
            if "tempfile" in modules:
                modules["tempfile"].tempdir = None
            if "logging" in modules and isinstance(getattr(modules["logging"], "_startTime", None), float):
                modules["logging"]._startTime = time.time()
            if "threading" in modules:
                modules["threading"].main_thread()._set_native_id()
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

    zygote_stdin = sys.stdin

    def make_stdin():
        """What can be done with standard input is asked once; in the zygote it is another."""
        old = zygote_stdin
        binary = _io.open(0, "rb", -1, closefd=False)
        binary.raw.name = "<stdin>"
        stream = _io.TextIOWrapper(binary, old.encoding, old.errors, "\n", False, old.write_through)
        stream.mode = "r"
        return stream

    def is_pipe():
        return os.fstat(0).st_mode & 0o170000 == 0o010000

    def make_stdins():
        """One for a request without content, which is the null device, and one for a pipe."""
        null = os.dup(0)
        ends = os.pipe()
        os.dup2(ends[0], 0)
        piped = make_stdin()
        os.dup2(null, 0)
        for descriptor in (null, *ends):
            os.close(descriptor)
        return make_stdin(), piped

    has_stdin = zygote_stdin is not None and zygote_stdin is sys.__stdin__
    empty_stdin, piped_stdin = make_stdins() if has_stdin else (None, None)

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

    def enter(has_input, fields):
        """Becomes the process of the request that these fields of its message describe. Descriptors are in their places."""
        folder, count, *rest = fields
        count = int(count)
        if not zygote.has_moved:
            os.chdir(folder)
        if has_stdin:
            ready = piped_stdin if has_input else empty_stdin
            sys.stdin = sys.__stdin__ = ready if not has_input or is_pipe() else make_stdin()
        set_environment(rest[count:])
        time.tzset()
        sys.argv[:] = [os.fsdecode(word) for word in rest[:count]]
        if command is not None:
            sys.orig_argv[:] = command + sys.argv
        renew(make_main())

    def rehearse():
        """What has run is where a child finds it: its bytecode adapted, caches of types filled, memory given back in one place."""
        words = [os.fsencode(os.getcwd()), b"1", os.fsencode(script), *zygote.base]
        for _ in range(16):
            enter(False, [*words, *(b"LISOD_REHEARSAL_%d=%d" % (number, number) for number in range(24))])
            find_new()
            flush(sys.stdout)
        enter(False, words)

    # The code of modules of the script's folder, for as long as they are the same files.
    codes = zygote.codes
    source_loader = sys.modules["_frozen_importlib_external"].SourceFileLoader

    def share_codes():
        plain = source_loader.get_code

        def get_code(self, fullname):
            if self.path in codes and type(self) is source_loader and self.name == fullname:
                known, code = codes[self.path]
                if known is not None and zygote.stamp(self.path) == known:
                    return code
            return plain(self, fullname)

        # Python shows no frames of its own import, and knows them by this.
        get_code.__code__ = get_code.__code__.replace(co_filename=plain.__code__.co_filename)
        source_loader.get_code = get_code

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

    def tell_learned():
        """Once: also a script that ends by os._exit() may have called what is to be called at the exit."""
        if told_at[0] == os.getpid() or os.getppid() != zygote.pid:
            return
        told_at[0] = os.getpid()
        fresh = [["P", *map(str, zygote.first_path)]]
        index = 0
        for name in find_new():
            module = sys.modules.get(name)
            while index < len(turns) and name not in turns[index][0]:
                fresh.append(turns[index][1])
                index += 1
            if fresh[-1] == ["stop"]:
                break
            origin = origin_of(module)
            if origin is None or module.__spec__.name != name or not os.path.exists(origin):
                continue
            if not is_own(origin):
                fresh.append(["M", name, origin])
            elif type(module.__spec__.loader) is source_loader and origin not in codes:
                fresh.append(["C", name, origin])
        if not any(line[0] in ("M", "C") for line in fresh):
            return
        if ["stop"] in fresh:
            del fresh[fresh.index(["stop"]) :]
        separator = zygote.separator
        texts = [separator.join(line) for line in fresh if not any(separator in text or "\0" in text for text in line)]
        try:
            descriptor = os.open(zygote.notes_path, os.O_WRONLY | os.O_APPEND)
        except OSError:
            return  # it has another user, or another root, by now
        os.write(descriptor, os.fsencode("\0".join(texts) + "\0"))
        os.close(descriptor)

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

    def finish(status):
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
        for name in find_new() + ["__main__", "__mp_main__"]:
            origin = origin_of(sys.modules.get(name))
            if name in ("__main__", "__mp_main__") or (origin is not None and is_own(origin)):
                sys.modules.pop(name, None)
        gc.collect()
        if not flush(sys.stdout, False) & flush(sys.stderr, False) & is_flushed:
            status = 120
        return status

    def run_script():
        recording[0] = True
        atexit.register(tell_learned)
        main = sys.modules["__main__"]
        status = 0
        try:
            use = zygote.code if zygote.code is not None and zygote.stamp(script) == zygote.code_stamp else None
            if use is None:
                use = compile(zygote.read_script()[1], script, "exec", 0, True)
                find_constants(use)
            exec(use, main.__dict__)
        except BaseException as error:
            status = report(error)
        main = use = None
        status = finish(status)
        if status == -2:
            _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
            os.kill(os.getpid(), _signal.SIGINT)
        os._exit(status & 0xFF)

    known = set(sys.modules)
    known_count = len(known)
    last_known = next(reversed(sys.modules))
    if codes:
        share_codes()
    rehearse()
    return enter, run_script
