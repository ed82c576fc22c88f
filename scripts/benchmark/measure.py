"""The cost of one command: time, CPU, memory, and how much the rest of the machine disturbed it."""
import os
import subprocess
import time


def drop_caches():
    """Empty the page cache; False where that is not allowed."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3")
        return True
    except OSError:
        return False


def cpu_busy():
    """CPU seconds burnt by everything on this machine so far: all but idle and waiting for I/O."""
    with open("/proc/stat") as f:
        ticks = [int(x) for x in f.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def wait_quiet(limit_s):
    """Wait until the rest of the machine uses less than a quarter of one core, at most limit_s."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        busy, start = cpu_busy(), time.monotonic()
        time.sleep(0.5)
        if (cpu_busy() - busy) / (time.monotonic() - start) < 0.25:
            return


def measure(command, cwd, env, log_path):
    """Run a bash command line, its output to the log, and return what it cost.

    wall_s; user_s and sys_s of the whole process tree; rss_mib of its largest process, by GNU time;
    sync_s that a sync takes afterwards, which is data that the command left unflushed; foreign_cpu_s
    that other processes burnt meanwhile.
    """
    rss_path = log_path + ".rss"
    argv = ["/usr/bin/time", "-q", "-f", "%M", "-o", rss_path, "bash", "-o", "pipefail", "-c", command]
    with open(log_path, "ab") as out:
        out.write(f"\n$ {command}\n".encode())
        out.flush()
        busy, start = cpu_busy(), time.monotonic()
        process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        busy = cpu_busy() - busy
    process.returncode = os.waitstatus_to_exitcode(status)
    start = time.monotonic()
    os.sync()
    sync = time.monotonic() - start
    own = usage.ru_utime + usage.ru_stime
    return dict(rc=process.returncode, wall_s=round(wall, 3), user_s=round(usage.ru_utime, 3),
                sys_s=round(usage.ru_stime, 3), cpu_s=round(own, 3), rss_mib=_peak_rss_mib(rss_path),
                sync_s=round(sync, 3), foreign_cpu_s=round(max(0.0, busy - own), 2))


def _peak_rss_mib(path):
    with open(path) as f:
        words = f.read().split()
    os.unlink(path)
    return round(int(words[-1]) / 1024, 1)
