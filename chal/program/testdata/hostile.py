# hostile tries some of the attacks of testdata/hostile in the words of Python, and reports as they do.
import ctypes
import errno
import os
import signal
import socket
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)


def report(what, error):
    if error is None:
        print("escaped:", what, flush=True)
    else:
        print("met %s: %s" % (what, errno.errorcode.get(error, error)), flush=True)


def attempt(what, function, *args):
    try:
        function(*args)
    except MemoryError:
        report(what, errno.ENOMEM)
    except OSError as e:
        report(what, e.errno)
    else:
        report(what, None)


def call(what, name, *args):
    """Calls the C library, which Python has no function of its own for."""
    ok = getattr(libc, name)(*args) >= 0
    report(what, None if ok else ctypes.get_errno())


def forkbomb():
    first, told = os.getpid(), False
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        try:
            os.fork()
        except OSError as e:
            if os.getpid() == first and not told:
                told = True
                report("fork", e.errno)


def threads():
    end = threading.Event()
    started = 0
    try:
        while started < 1000:
            threading.Thread(target=end.wait, daemon=True).start()
            started += 1
    except (RuntimeError, MemoryError):  # Python does not say which error it was
        report("1000 threads", errno.EAGAIN)
    else:
        report("1000 threads", None)
    sys.stdout.flush()
    print("done", flush=True)
    os._exit(0)


def hog():
    kept = []

    def take():
        for _ in range(4096):
            kept.append(bytearray(b"x" * (1 << 20)))

    try:
        take()
    except MemoryError:
        kept.clear()
        report("4 GiB of memory", errno.ENOMEM)
    else:
        report("4 GiB of memory", None)


def fill():
    for d in "/", "/dev", "/etc", "/usr", "/var/tmp", "/dev/shm", "/.own", "/run", "/proc/sys":
        attempt(d, os.open, d + "/filled", os.O_CREAT | os.O_WRONLY)
    attempt("/flag", os.open, "/flag", os.O_WRONLY)


def flood():
    text = b"x" * 65536
    while True:
        os.write(1, text)


def stubborn():
    for s in range(1, 65):
        if s in (signal.SIGKILL, signal.SIGSTOP):
            attempt(str(s), signal.signal, s, signal.SIG_IGN)
        elif s not in (32, 33):  # the C library's own
            signal.signal(s, signal.SIG_IGN)
    while True:
        signal.pause()


def daemonise():
    try:
        pid = os.fork()
    except OSError as e:
        report("fork", e.errno)
        return
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            for fd in 0, 1, 2:
                os.close(fd)
            while True:
                signal.pause()
        os._exit(0)
    os.waitpid(pid, 0)


def files():
    kept = []

    def take():
        while len(kept) < 10000:
            kept.append(os.open("/dev/null", os.O_RDONLY))

    attempt("10000 files", take)


def pids():
    def take():
        for _ in range(1000):
            if os.fork() == 0:
                while True:
                    signal.pause()

    attempt("1000 processes", take)


def sleeper():
    print("sleeping", flush=True)
    time.sleep(10**6)


def burn():
    while True:
        pass


def reach(what, *kind, to=None):
    def connect():
        socket.socket(*kind).connect(to)

    attempt(what, connect)


def tcp():
    attempt("TCP", socket.create_connection, ("127.0.0.1", int(argument)))
    reach("TCP over IPv6", socket.AF_INET6, socket.SOCK_STREAM, to=("::1", 80))


def udp():
    reach("UDP", socket.AF_INET, socket.SOCK_DGRAM, to=("127.0.0.1", int(argument)))


def mptcp():
    reach("MPTCP", socket.AF_INET, socket.SOCK_STREAM, 262, to=("127.0.0.1", int(argument)))


def unixpath():
    reach("Unix socket by path", socket.AF_UNIX, socket.SOCK_STREAM, to=argument)


def unixabstract():
    reach("abstract Unix socket", socket.AF_UNIX, socket.SOCK_STREAM, to="\0" + argument)


def vsock():
    reach("vsock", 40, socket.SOCK_STREAM, to=(2, 1))


def netlink():
    reach("netlink", 16, socket.SOCK_RAW, 0, to=(0, 0))


def proc():
    for name in "/proc/1/environ", "/proc/self/mem", "/proc/cpuinfo", "/proc/sys/kernel/core_pattern", "/sys/kernel":
        attempt(name, os.stat, name)


def environment():
    # Python itself sets LC_CTYPE where there is no locale.
    for name in set(os.environ) - {"PATH", "LC_CTYPE"}:
        print("escaped: environment", name, flush=True)
    attempt("descriptor 3", os.fstat, 3)
    if 0 in (os.getuid(), os.geteuid(), os.getgid()) or os.getgroups():
        print("escaped: uid 0, or groups", flush=True)


def hostfiles():
    for name in "/etc/shadow", "/root", "/home", "/var/lib", "/dev/mem", "/dev/ptmx":
        attempt(name, os.stat, name)


def otherfiles():
    attempt("another session's file", os.stat, "/tmp/victim")


def signals():
    for pid in range(2, 5000):
        if pid != os.getpid():
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                continue
            print("escaped: process", pid, flush=True)
    attempt("a process of the host's", os.kill, 4242, signal.SIGKILL)


def ptrace():
    call("attach", "ptrace", 16, 1, 0, 0)
    call("read memory", "process_vm_readv", 1, 0, 0, 0, 0, 0)


def unshare():
    call("user", "unshare", 0x10000000)
    call("mount", "unshare", 0x20000)


def mount():
    call("mount", "mount", b"tmpfs", b"/tmp", b"tmpfs", 0, b"")
    call("unmount", "umount2", b"/usr", 2)


def climb():
    attempt("chroot", os.chroot, "/usr")
    attempt("a directory to escape with", os.mkdir, "/x")
    if os.stat("/../../..").st_ino != os.stat("/").st_ino:
        print("escaped: climb by ..", flush=True)


def setuid():
    attempt("setuid", os.setuid, 0)
    attempt("setgid", os.setgid, 0)
    attempt("setgroups", os.setgroups, [0])


def mknod():
    attempt("a disk", os.mknod, "/tmp/sda", 0o060600, 0xFE00)


def sysvipc():
    call("shared memory", "shmget", 4712, 4096, 0o1666)
    call("a queue", "msgget", 4712, 0o1666)


name, _, argument = os.read(0, 500).decode().partition("\n")[0].partition(" ")
attacks = {k: v for k, v in globals().items() if callable(v) and k not in ("report", "attempt", "call", "reach")}
if name not in attacks:
    print("escaped: no attack", name, flush=True)
    sys.exit(2)
attacks[name]()
print("done", flush=True)
