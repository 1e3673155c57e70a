"""The store of the cost library: what was put is got, by several processes, and damage is noticed."""

import errno
import multiprocessing
import sqlite3
from contextlib import contextmanager
from time import perf_counter

import pytest

from synth import store
from tests.disks import fill, protect, small_disk


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path))
    return tmp_path


def test_what_was_put_is_got():
    store.put("a", {"area": 1.5, "parts": [1, None, "x"]})
    assert store.get("a") == {"area": 1.5, "parts": [1, None, "x"]}
    assert store.get("b") is None


def test_a_result_is_made_once():
    made = []
    for _ in range(3):
        assert store.remembered(["pe", "ecp5"], lambda: made.append(1) or {"luts": 7}) == {"luts": 7}
    assert len(made) == 1


def test_another_target_is_another_entry():
    assert store.remembered(["pe", "ecp5"], lambda: 1) == 1
    assert store.remembered(["pe", "ice40"], lambda: 2) == 2


def test_the_first_answer_has_the_types_of_the_later_ones():
    assert store.remembered(["pe"], lambda: {1: (2, 3)}) == {"1": [2, 3]}


def test_nothing_is_kept_of_what_failed():
    with pytest.raises(ZeroDivisionError):
        store.remembered(["pe"], lambda: 1 / 0)
    assert store.remembered(["pe"], lambda: 1) == 1


def test_an_entry_is_found_in_milliseconds():
    for number in range(50):
        store.put(str(number), {"area": [0.5] * 1000})
    began = perf_counter()
    for number in range(50):
        store.get(str(number))
    assert (perf_counter() - began) / 50 < 0.01


def test_a_file_that_is_no_store_is_set_aside(own_cache):
    store.path().write_bytes(b"not a database" * 100)
    with pytest.warns(store.DamagedStore, match="is damaged"):
        assert store.get("a") is None
    assert (own_cache / "synthesis.damaged").exists()
    store.put("a", 1)
    assert store.get("a") == 1


def test_a_truncated_store_is_set_aside():
    for number in range(200):
        store.put(str(number), ["x" * 500])
    with sqlite3.connect(store.path()) as base:
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()
    store.path().write_bytes(store.path().read_bytes()[: store.path().stat().st_size // 2])
    with pytest.warns(store.DamagedStore):
        found = [store.get(str(number)) for number in range(200)]
    assert found == [None] * 200


def test_an_entry_that_changed_is_made_again():
    store.put("a", {"area": 100})
    with sqlite3.connect(store.path()) as base:
        base.execute("""UPDATE entry SET value = '{"area": 900}'""")
    base.close()
    assert store.get("a") is None


def write(numbers):
    for number in numbers:
        store.put(str(number), {"number": number})


def test_processes_write_at_once():
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write, args=(range(first, 120, 3),)) for first in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(worker.exitcode == 0 for worker in workers)
    assert [store.get(str(number)) for number in range(120)] == [{"number": number} for number in range(120)]


def test_a_second_damaged_store_does_not_replace_the_first(own_cache):
    for number in range(2):
        store.path().write_bytes(b"not a database %d" % number * 100)
        with pytest.warns(store.DamagedStore):
            store.get("a")
    found = [(own_cache / name).read_bytes()[:16] for name in ("synthesis.damaged", "synthesis.damaged.1")]
    assert found == [b"not a database 0", b"not a database 1"]


def test_another_programs_database_is_set_aside():
    with sqlite3.connect(store.path()) as base:
        base.execute("CREATE TABLE entry (other TEXT)")
    base.close()
    with pytest.warns(store.DamagedStore, match="other columns"):
        assert store.get("a") is None


def kept(own_cache):
    """Nothing was set aside, and what was kept is still there."""
    names = [path.name for path in own_cache.rglob("*") if "damaged" in path.name]
    return not names and store.get("a") == {"area": 1.5}


@pytest.mark.filterwarnings("error::synth.store.DamagedStore")
def test_a_full_disk_destroys_nothing(tmp_path, monkeypatch):
    with small_disk(tmp_path / "disk") as disk:
        monkeypatch.setenv("SYSTOLA_CACHE", str(disk))
        store.put("a", {"area": 1.5})
        filling = fill(disk)
        assert kept(disk)
        with pytest.raises(OSError, match=r"No space left on device") as full:
            store.put("b", "x" * 100_000)
        assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(store.path()))
        with pytest.warns(store.Unkept, match="No space left on device .*; a result is not kept"):
            assert store.remembered(["b"], lambda: "x" * 100_000) == "x" * 100_000
        assert kept(disk)
        filling.unlink()
        store.put("b", 2)
        assert kept(disk) and store.get("b") == 2


@pytest.mark.filterwarnings("error::synth.store.DamagedStore")
def test_a_disk_that_is_full_before_there_is_a_store_is_no_damage(tmp_path, monkeypatch):
    with small_disk(tmp_path / "disk") as disk:
        monkeypatch.setenv("SYSTOLA_CACHE", str(disk))
        filling = fill(disk)
        assert store.get("a") is None
        with pytest.warns(store.Unkept):
            assert store.remembered(["a"], lambda: 1) == 1
        filling.unlink()
        store.put("a", {"area": 1.5})
        assert kept(disk)


@pytest.mark.filterwarnings("error::synth.store.DamagedStore")
def test_a_store_that_can_only_be_read_is_read(tmp_path, monkeypatch):
    with small_disk(tmp_path / "disk ä?%") as disk:
        monkeypatch.setenv("SYSTOLA_CACHE", str(disk))
        store.put("a", {"area": 1.5})
        protect(disk)
        assert kept(disk)
        with pytest.warns(store.Unkept, match="; a result is not kept"):
            assert store.remembered(["b"], lambda: 2) == 2
        protect(disk, on=False)
        assert kept(disk)


# what SQLite says where no disk can be mounted: a limit of pages, a connection that only reads, a lock
@pytest.mark.filterwarnings("error::synth.store.DamagedStore")
@pytest.mark.parametrize(
    ("fault", "number"), [("full", errno.ENOSPC), ("read only", errno.EROFS), ("locked", errno.EAGAIN)]
)
def test_what_the_machine_does_is_no_damage(own_cache, monkeypatch, fault, number):
    store.put("a", {"area": 1.5})
    real, other = store.connection, sqlite3.connect(store.path())

    @contextmanager
    def faulty(place):
        with real(place) as base:
            if fault == "full":
                pages = base.execute("PRAGMA page_count").fetchone()[0]
                base.execute(f"PRAGMA max_page_count = {pages}")
            if fault == "read only":
                base.execute("PRAGMA query_only = 1")
            yield base

    monkeypatch.setattr(store, "connection", faulty)
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    monkeypatch.setattr(store, "SLICE", 0.05)
    if fault == "locked":
        other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OSError, match=r"synthesis\.sqlite") as raised:
        store.put("b", "x" * 100_000)
    assert raised.value.errno == number
    with pytest.warns(store.Unkept):
        assert store.remembered(["b"], lambda: "x" * 100_000)
    other.close()
    monkeypatch.undo()
    monkeypatch.setenv("SYSTOLA_CACHE", str(own_cache))
    assert kept(own_cache)
