"""How a command ends: what the machine or a signal does is told in a line, and never called a bug."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from golden.check import BadValue
from systola import failures, signals
from tests.disks import fill, protect, small_disk

ROOT = Path(__file__).parents[2]
DESIGN = str(ROOT / "examples/ws16_int8.toml")
PROGRAM = [sys.executable, "-c", "from systola.start import main; main()"]
pytestmark = pytest.mark.usefixtures("interruptible")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.csv").write_text("Layer, M, N, K,\nfirst, 64, 64, 64,\nsecond, 100, 50, 30,\n")
    (tmp_path / "small.toml").write_text('[array]\nrows = 2\ncols = 2\ndataflow = "weight"\n')


def call(*words, shell="", **environment):
    """A command in a process; shell: how the shell is to call it, "$@" being the command."""
    command = ["bash", "-c", shell, "bash", *PROGRAM, *words] if shell else [*PROGRAM, *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def installed():
    return shutil.which("systola", path=str(Path(sys.executable).parent))


def outcome(error):
    def work():
        raise error

    return failures.outcome(work)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on device"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "y.npz"), "y.npz: disk quota exceeded"),
        (OSError(errno.EROFS, "Read-only file system", "y.npz"), "y.npz: read-only file system"),
        (OSError(errno.EIO, "Input/output error"), "input/output error"),
        (OSError("a server is gone"), "a server is gone"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "broken pipe"),
        (ChildProcessError("yosys was ended by SIGKILL"), "yosys was ended by sigkill"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory"), "no usable temporary directory"),
        (MemoryError(), "out of memory"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_the_machine_does_is_status_1_and_no_bug(error, line, capsys):
    assert outcome(error) == failures.FAILED
    assert capsys.readouterr().err == f"systola: {line}\n"


def test_a_file_that_may_not_be_used_is_status_2(capsys):
    assert outcome(PermissionError(errno.EACCES, "Permission denied", "x.npy")) == failures.WRONG
    assert capsys.readouterr().err == "systola: x.npy: permission denied\n"


def test_an_exit_goes_through(capsys):
    for given, status in ((0, 0), (3, 3), (None, 0), ("words", 1)):
        assert outcome(SystemExit(given)) == status
    assert capsys.readouterr().err == ""


def test_an_end_of_file_is_not_taken_for_an_interruption(monkeypatch, capsys):
    def crash(*_, **__):
        raise EOFError("no more")

    monkeypatch.setattr("systola.host_session.plan_of", crash)
    with pytest.raises(SystemExit) as ended:
        failures_main("map", "two.csv", "--on", DESIGN)
    assert ended.value.code == failures.FAILED
    said = capsys.readouterr().err
    assert "this is a bug, not yours: EOFError: no more" in said
    Path(said.strip().rsplit(" ", 1)[1]).unlink()


def failures_main(*words):
    from systola.cli import main

    main([*words])


def test_a_bug_without_a_place_for_its_trace_prints_it(monkeypatch, capsys):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(failures.tempfile, "mkstemp", full)
    assert outcome(KeyError("weights")) == failures.FAILED
    said = capsys.readouterr().err
    assert "this is a bug, not yours: KeyError: 'weights'" in said and "Traceback" in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_is_printed(shell):
    environment = {**os.environ, "_SYSTOLA_COMPLETE": f"{shell}_source"}
    done = subprocess.run([installed()], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_SYSTOLA_COMPLETE" in done.stdout


ENDS = {
    "stdout is full": ('"$@" > /dev/full', 1, "systola: no space left on device\n"),
    "stdout is closed": ('"$@" >&-', 0, ""),
    "all is closed": ('"$@" <&- >&- 2>&-', 0, ""),
    "its reader is gone": ('"$@" | true; exit ${PIPESTATUS[0]}', 0, ""),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_stdout_that_takes_nothing(end):
    shell, status, said = ENDS[end]
    done = call("map", "two.csv", "--on", DESIGN, "--json", "-o", "two.map.json", shell=shell)
    assert (done.returncode, done.stderr) == (status, said)
    assert Path("two.map.json").stat().st_size > 1000


def test_a_stderr_that_takes_nothing():
    for shell in ('"$@" 2> /dev/full', '"$@" 2>&-'):
        done = call("map", "none.csv", "--on", DESIGN, shell=shell)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.rtl
def test_a_reader_that_leaves_early_hides_no_failure():
    done = call("doctor", "--json", shell='"$@" | true; exit ${PIPESTATUS[0]}', PATH="/usr/bin:/bin")
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr
    assert (done.returncode == 1) == ("is missing" in done.stderr)


def test_without_a_home_the_cache_is_asked_for(monkeypatch, capsys):
    from sim import cache

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache.Path, "home", homeless)
    for name in ("SYSTOLA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadValue, match=r"unknown \(no home folder\); allowed: SYSTOLA_CACHE=FOLDER"):
        cache.directory()
    monkeypatch.setenv("SYSTOLA_CACHE", "own")
    assert cache.directory().name == "own"


@pytest.mark.rtl
def test_a_full_disk_is_no_bug_and_leaves_nothing(tmp_path):
    with small_disk(tmp_path / "disk", kib=256) as disk:
        fill(disk)
        for words in (
            ["generate", "small.toml", "-o", str(disk / "out")],
            ["map", "two.csv", "--on", DESIGN, "-o", str(disk / "two.map.json")],
        ):
            done = call(*words)
            assert done.returncode == 1 and "no space left on device" in done.stderr.lower(), done.stderr
            assert "bug" not in done.stderr and done.stderr.count("\n") == 1
        assert [path.name for path in disk.iterdir()] == ["fill"]


@pytest.mark.rtl
def test_a_full_disk_for_temporary_files_and_cache_is_no_bug(tmp_path):
    with small_disk(tmp_path / "disk", kib=256) as disk:
        fill(disk)
        on = {"SYSTOLA_CACHE": str(disk), "TMPDIR": str(disk)}
        for words in (
            ["run", "two.csv", "--on", "small.toml", "--engine", "rtl"],
            ["synth", "small.toml", "--target", "gates"],
        ):
            done = call(*words, **on)
            assert done.returncode == 1 and "bug" not in done.stderr, done.stderr
            assert "no space left" in done.stderr.lower(), done.stderr
        assert [path.name for path in disk.rglob("*") if path.is_file() and path.stat().st_size] == ["fill"]


@pytest.mark.rtl
def test_a_cache_that_can_only_be_read_is_no_bug(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        protect(disk)
        for words in (
            ["run", "two.csv", "--on", "small.toml", "--engine", "rtl"],
            ["synth", "small.toml", "--target", "gates"],
        ):
            done = call(*words, SYSTOLA_CACHE=str(disk))
            assert done.returncode == 1 and "bug" not in done.stderr, done.stderr
            assert "read-only file system" in done.stderr.lower(), done.stderr
        done = call("map", "two.csv", "--on", DESIGN, "-o", "two.map.json", SYSTOLA_CACHE=str(disk))
        assert done.returncode == 0


def caught(pid):
    """Whether a process has handlers of its own: SIGTERM's is the first sign of them."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    masks = [int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")]
    return bool(masks and masks[0] >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("after", [0, 0.1, 0.3, 0.6])
def test_a_signal_at_the_start_gives_no_trace(number, status, after):
    command = [*PROGRAM, "map", "two.csv", "--on", DESIGN, "-o", "two.map.json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while not caught(process.pid) and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(after)
    process.send_signal(number)
    said = process.communicate()[1]
    assert process.returncode in (status, 0), said
    assert "Traceback" not in said and "bug" not in said
    assert not [path for path in Path().iterdir() if "systola" in path.name]
    if process.returncode == 0:
        assert Path("two.map.json").exists()


def test_a_signal_that_the_caller_ignores_is_ignored():
    done = call("--version", shell="trap '' INT; \"$@\" & pid=$!; kill -INT $pid; wait $pid")
    assert done.returncode == 0 and done.stdout.startswith("systola ")


def test_a_signal_in_code_that_lets_nothing_through_still_ends_the_command(capsys):
    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        except BaseException:
            raise ImportError("numpy's C code, which has its own ideas") from None

    with pytest.raises(SystemExit) as ended:
        failures.guarded(work)
    assert ended.value.code == 143
    assert "ended by SIGTERM" in capsys.readouterr().err


def test_a_signal_that_is_swallowed_comes_again(capsys):
    def work():
        for _ in range(2):  # no finaliser and no optional import keeps a command alive
            try:
                os.kill(os.getpid(), signal.SIGINT) if not signals.came else None
                time.sleep(5)
            except BaseException:
                pass

    began = time.monotonic()
    with pytest.raises(SystemExit) as ended:
        failures.guarded(work)
    assert ended.value.code == 0 and time.monotonic() - began < 4, "it went through both"
    with pytest.raises(SystemExit) as ended:
        failures.guarded(lambda: (work(), time.sleep(5)))
    assert ended.value.code == 130
    assert capsys.readouterr().err == "systola: ended by SIGINT; results are as they were\n"


def test_what_cleans_up_is_not_disturbed(tmp_path):
    done = []

    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            time.sleep(3 * signals.AGAIN)
            done.append("cleaned up")

    with pytest.raises(SystemExit) as ended:
        failures.guarded(work)
    assert (ended.value.code, done) == (143, ["cleaned up"])


def test_the_handlers_are_gone_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit):
        failures.guarded(lambda: 0)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_program_is_the_one_that_is_installed():
    assert subprocess.run([installed(), "--version"], capture_output=True).returncode == 0


@pytest.mark.rtl
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not on PATH")
def test_waves_of_a_bench_are_kept_whole_and_do_not_replace_what_is_the_users():
    words = ["test", "stages", "--sim", "icarus", "--waves"]
    Path("waves/stages-x1/mine").mkdir(parents=True)
    done = call(*words)
    assert done.returncode == failures.WRONG and "not systola's (mine/)" in done.stderr
    Path("waves/stages-x1/mine").rmdir()
    done = call(*words)
    assert done.returncode == 0 and "wrote waves/stages-x5/waves.fst" in done.stdout
    left = {path.name for path in Path("waves/stages-x5").iterdir()}
    assert {"log.txt", "waves.fst", "manifest.json"} < left


def test_a_signal_that_comes_just_before_a_wait_ends_it():
    """The main thread does not see it: another one gets it while that one waits without end."""
    lock = threading.Lock()
    lock.acquire()

    def work():
        other = threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM))
        threading.Timer(0.2, other.start).start()
        threading.Timer(8, lock.release).start()
        lock.acquire()

    began = time.monotonic()
    with pytest.raises(SystemExit) as ended:
        failures.guarded(work)
    assert ended.value.code == 143 and time.monotonic() - began < 5
