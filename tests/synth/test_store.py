"""The store of the cost library: what was put is got, by several processes, and damage is noticed."""

import multiprocessing
import sqlite3
from time import perf_counter

import pytest

from synth import store


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
