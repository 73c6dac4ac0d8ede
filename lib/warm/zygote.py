"""What a Python interpreter runs in place of a CGI script, to answer that script's requests by fork(2): see zygote.ts.

It comes on standard input, behind zygote_rehearsal.py, zygote_import.py and zygote_child.py. Descriptor 3 is one end of a
SEQPACKET pair. What the server says, in fields that end with NUL:
  load LINE...                      what to import, in order: P path..., E name value, M module file, L module file that is
                                    not to be asked for, though others may, C module file whose code is to be read and not run
                                    (0x1f between)
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
    import _io
    import _signal
    import _socket
    import atexit
    import builtins
    import gc
    import select
    import time

    MOST_NOTES = 1 << 20
    MOST_PART = 30000
    MOST_BYTES = 1 << 18
    module_type = type(sys)
    control = _socket.socket(fileno=3)
    os.set_inheritable(3, False)

    class Zygote:
        """What the parts of it know of each other."""

        separator = "\x1f"

    zygote = Zygote()

    # A server that has closed its end wants nothing more of this process.
    def say(*fields):
        try:
            control.send(b"\0".join([f if isinstance(f, bytes) else os.fsencode(str(f)) for f in fields]))
        except ConnectionError:
            os._exit(1)

    def hear():
        try:
            return control.recv(MOST_BYTES)
        except ConnectionError:
            os._exit(1)

    def refuse(reason):
        say("refuse", reason)
        os._exit(0)

    def open_null():
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)

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

    # The script itself, as bytes of code, for as long as it is the same file.
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

    def compile_script():
        """(stamp, code); None for the code of a script that has to be compiled again each time, for it says something then."""
        try:
            stamp, source = read_script()
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
        zygote.find_constants(code)
        return stamp, None if listener.heard else code

    open_null()
    lines = []
    while True:
        kind, *fields = hear().split(b"\0")
        if kind == b"load":
            lines += [os.fsdecode(field).split(zygote.separator) for field in fields]
        elif kind == b"go":
            break
        else:
            os._exit(0)
    script, cpu = [os.fsdecode(field) for field in fields]
    if cpu:
        import resource

        zygote.limit_cpu = lambda: resource.setrlimit(resource.RLIMIT_CPU, (int(cpu), int(cpu)))
    else:
        zygote.limit_cpu = None
    own_imports = set(sys.modules) - baseline

    # As Python does with a script.
    if sys.path and sys.path[0] == "":
        sys.path[0] = os.path.dirname(os.path.realpath(script))
    sys.argv[:] = [script]
    own_main = sys.modules["__main__"]
    importing_file = sys.modules["_frozen_importlib_external"]
    make_main()

    zygote.script, zygote.lines, zygote.own_main = script, lines, own_main
    zygote.say, zygote.make_main, zygote.read_script = say, make_main, read_script
    start = time.perf_counter()
    skipped = _lisod_import(zygote)
    zygote.code_stamp, zygote.code = compile_script()
    took = int((time.perf_counter() - start) * 1000)

    # Where children leave what they have learned: they have no descriptor of it, nor of anything else that is not theirs.
    notes = os.memfd_create("lisod", os.MFD_CLOEXEC)
    zygote.pid = os.getpid()
    zygote.notes_path = "/proc/%d/fd/%d" % (zygote.pid, notes)
    enter, run_script = _lisod_child(zygote)

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

    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    _signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    _signal.signal(_signal.SIGCHLD, lambda *_: None)
    # What a client sent stays in no memory that the next child gets.
    request = bytearray(MOST_BYTES)
    request_view = memoryview(request)

    def read_request():
        size, ancillary, flags, _ = control.recvmsg_into([request], 64, _socket.MSG_CMSG_CLOEXEC)
        given = []
        for level, kind, content in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                given += [int.from_bytes(content[i : i + 4], sys.byteorder) for i in range(0, len(content) // 4 * 4, 4)]
        return size, given, flags

    def be_child(size, given):
        os.setsid()
        _signal.set_wakeup_fd(-1)
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        for descriptor in (wake_read, wake_write, notes):
            os.close(descriptor)
        _, number, has_input, *fields = bytes(request_view[:size]).split(b"\0")
        if has_input != b"1":
            open_null()
        for target, descriptor in enumerate(given, 3 - len(given)):
            os.dup2(descriptor, target)
        for descriptor in given:
            os.close(descriptor)
        enter(has_input == b"1", fields)
        if zygote.limit_cpu is not None:
            zygote.limit_cpu()
        say("started", number, os.getpid())
        control.close()

    looked = time.monotonic()

    def answer(size, given, flags):
        """True in the child."""
        nonlocal looked
        _, number, has_input, _ = bytes(request_view[:17]).split(b"\0")
        if flags & (_socket.MSG_CTRUNC | _socket.MSG_TRUNC) or len(given) != (3 if has_input == b"1" else 2):
            return say("no", number, "it has no descriptors left")
        now = time.monotonic()
        if now - looked > 1:
            changed = zygote.find_change()
            if changed is not None:
                say("stale", changed)
                return say("no", number, "stale")
            looked = now
        try:
            pid = zygote.fork()
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
